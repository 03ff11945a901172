"""The same prompt to the same text scored once a request."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from harness.plugin import Evidence, Probe, Stage, optimization

if TYPE_CHECKING:
    from harness.plugin import Extractor


def rows_saved(probe: Probe) -> Evidence:
    """Count the rows of the cross layers with and without the memo, and those of different prompts."""
    from harness.baseline.flow import document

    extractor = replace(probe.extractor, screen=None)  # what screens is given the same
    without = replace(extractor, reuse=replace(extractor.reuse, prompts_once=False))
    ours, theirs = (probe.crossed(one) for one in (extractor, without))
    different = sum(
        len(document(text, extractor.tokenizer).windows) * len(extractor.extract_observed(text, schema).logits)
        for text, schema in zip(probe.texts, probe.schemas, strict=True)
    )
    nothing_to_save = theirs == different and extractor.reuse.prompts_once
    return Evidence(
        optimization="prompt_memo",
        active=ours < theirs or nothing_to_save,
        summary=f"{ours} rows through the cross layers instead of {theirs}; {different} have different prompts",
        figures={"rows": ours, "rows_without": theirs, "different": different},
    )


@optimization(Stage.BATCH, exact=True, evidence=rows_saved)
def prompt_memo(extractor: Extractor) -> Extractor:
    """Score the same prompt to the same text once a request.

    Cheaper: where a nested schema finds the same span several times, everything that is asked below it: a prompt names
    its ancestors' spans, not where they stand. A flat schema never asks twice. Prompts of different schema levels are
    never the same, since each names all types above it, so nothing needs to be kept from level to level. The numbers
    are those that the model would give again, so no answer changes.
    """
    return replace(extractor, reuse=replace(extractor.reuse, prompts_once=True))
