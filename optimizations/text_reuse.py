"""A text encoded once a request."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from harness.plugin import Evidence, InputError, Probe, Stage, optimization

if TYPE_CHECKING:
    from harness.plugin import Extractor

_MEBIBYTE = 2**20


def rows_saved(probe: Probe) -> Evidence:
    """Count the rows of the text tower with and without the reuse."""
    from harness.baseline.flow import document

    extractor = probe.extractor
    without = replace(extractor, reuse=replace(extractor.reuse, encoded_texts=None))
    ours, theirs = (
        sum(shape.rows for shape in probe.shapes(one) if shape.forward == "encode_text") for one in (extractor, without)
    )
    windows = sum(len(document(text, extractor.tokenizer).windows) for text in probe.texts)
    nothing_to_save = theirs == windows and extractor.reuse.encoded_texts is not None
    return Evidence(
        optimization="text_reuse",
        active=ours < theirs or nothing_to_save,
        summary=f"{ours} rows through the text tower instead of {theirs}, for {windows} windows of text",
        figures={"rows": ours, "rows_without": theirs, "windows": windows},
    )


@optimization(Stage.BATCH, exact=True, evidence=rows_saved, tunable={"mebibytes": []})
def text_reuse(extractor: Extractor, *, mebibytes: int = 256) -> Extractor:
    """Encode a text once a request instead of once a schema node.

    Cheaper: with a nested schema, the text tower's share of a request. A flat schema has one node, so there is nothing
    to save. `batching` encodes a text once a schema level; this does it once for all levels. The tower's output is kept
    for one call, within a limit; a text that no longer fits is encoded again. The numbers are those that the tower
    would give again, so no answer changes.

    Args:
        extractor: the extractor to change.
        mebibytes: of encoded texts that a call keeps, at most; beside a screen, each of the two precisions.
    """
    if mebibytes < 1:
        raise InputError(f"text_reuse: mebibytes is {mebibytes}; it must be at least 1")
    return replace(extractor, reuse=replace(extractor.reuse, encoded_texts=mebibytes * _MEBIBYTE))
