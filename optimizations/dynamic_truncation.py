"""Pad to what is there instead of to what the model could take."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from harness.plugin import Evidence, InputError, Probe, Stage, optimization

if TYPE_CHECKING:
    from harness.plugin import Extractor


def padding_removed(probe: Probe) -> Evidence:
    """Compare the tokens that the towers were given with what full padding would have given them."""
    from harness.baseline.windows import PROMPT_TOKENS, TEXT_TOKENS

    full = executed = needed = 0
    for shape in probe.shapes():
        full += shape.rows * (TEXT_TOKENS if shape.forward == "encode_text" else PROMPT_TOKENS)
        executed += shape.rows * shape.length
        needed += shape.tokens
    removed = (full - executed) / max(full - needed, 1)
    return Evidence(
        optimization="dynamic_truncation",
        active=executed < full or full == needed,
        summary=f"{removed:.0%} of the padding tokens removed ({executed} instead of {full} tokens)",
        figures={"padding_removed": removed, "tokens_executed": executed, "tokens_fully_padded": full},
    )


@optimization(Stage.INPUT, exact=True, evidence=padding_removed)
def dynamic_truncation(extractor: Extractor, *, multiple: int = 8) -> Extractor:
    """Pad texts and prompts to the longest of their batch, rounded up to a multiple.

    Cheaper: every layer's work, in proportion to the padding that goes; attention's score matrix with its square.
    It does not apply to a text that fills its windows. It cuts nothing: a text over 384 tokens keeps its sliding
    windows, and prompt positions come from the text's own length, so no answer changes.
    Source: step 3 of the guide, which cuts at a multiple of the character count instead.

    Args:
        extractor: the extractor to change.
        multiple: lengths are rounded up to a multiple of this many tokens, so that few shapes occur.
    """
    from harness.baseline.slots import PadToLongest

    if multiple < 1:
        raise InputError(f"dynamic_truncation: multiple is {multiple}; it must be at least 1")

    return replace(extractor, padding=PadToLongest(multiple))
