"""The same prompt to the same text scored once a request."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from harness.plugin import Evidence, InputError, Probe, Stage, optimization

if TYPE_CHECKING:
    from torch import Tensor

    from harness.plugin import Extractor

_MEBIBYTE = 2**20


def rows_saved(probe: Probe) -> Evidence:
    """Count the rows of the cross layers with and without the memo, and those of different prompts."""
    from harness.baseline.flow import document

    extractor = probe.extractor
    without = replace(extractor, reuse=replace(extractor.reuse, scored_prompts=None))
    ours, theirs = (_rows(probe, one) for one in (extractor, without))
    different = sum(
        len(document(text, extractor.tokenizer).windows) * len(extractor.extract_observed(text, schema).logits)
        for text, schema in zip(probe.texts, probe.schemas, strict=True)
    )
    nothing_to_save = theirs == different and extractor.reuse.scored_prompts is not None
    return Evidence(
        optimization="prompt_memo",
        active=ours < theirs or nothing_to_save,
        summary=f"{ours} rows through the cross layers instead of {theirs}; {different} have different prompts",
        figures={"rows": ours, "rows_without": theirs, "different": different},
    )


@optimization(Stage.BATCH, exact=True, evidence=rows_saved)
def prompt_memo(extractor: Extractor, *, mebibytes: int = 64) -> Extractor:
    """Score the same prompt to the same text once a request.

    Cheaper: where a nested schema finds the same span several times, everything that is asked below it: a prompt names
    its ancestors' spans, not where they stand. A flat schema never asks twice. The logits of each prompt are kept for
    one call, within a limit; a prompt whose logits no longer fit is scored again. The numbers are those that the model
    would give again, so no answer changes.

    Args:
        extractor: the extractor to change.
        mebibytes: of logits that a call keeps, at most.
    """
    if mebibytes < 1:
        raise InputError(f"prompt_memo: mebibytes is {mebibytes}; it must be at least 1")
    return replace(extractor, reuse=replace(extractor.reuse, scored_prompts=mebibytes * _MEBIBYTE))


def _rows(probe: Probe, extractor: Extractor) -> int:
    rows = 0
    own = extractor.forwards

    def cross(text: Tensor, text_mask: Tensor, prompt: Tensor, prompt_mask: Tensor) -> Tensor:
        nonlocal rows
        rows += text.shape[0]
        return own.cross(text, text_mask, prompt, prompt_mask)

    probe.run(replace(extractor, forwards=replace(own, cross=cross)))
    return rows
