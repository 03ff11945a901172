"""Every prompt scored in half precision, and again in fp32 where a logit is near the threshold."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.plugin import Evidence, InputError, Probe, Stage, optimization
from optimizations.half_precision import half_dtype, why_not

if TYPE_CHECKING:
    from harness.plugin import Extractor


def scored_again(probe: Probe) -> Evidence:
    """Count what the exact forwards were asked again, and compare the rounded logits of all prompts with exact ones."""
    extractor = probe.extractor
    asked, without = (probe.crossed(one) for one in (extractor, replace(extractor, screen=None)))
    asked_for = zip(probe.texts, probe.schemas, strict=True)
    prompts = [one for text, schema in asked_for for one in extractor.roundings(text, schema)]
    band = extractor.screen.band if extractor.screen else 0.0
    again = sum(one.nearest < band for one in prompts)
    flips = [one.farthest_flip for one in prompts if one.farthest_flip is not None]
    error, farthest = max((one.error for one in prompts), default=0.0), max(flips, default=0.0)
    return Evidence(
        optimization="screened",
        active=extractor.screen is not None and error > 0 and (asked < without or again == len(prompts)),
        summary=f"{asked} rows through the exact cross layers instead of {without}; {again} of {len(prompts)} prompts "
        f"have a logit within {band} of the threshold; half precision was off by at most {error:.3f}, and {len(flips)} "
        f"prompts had a logit on the wrong side, at most {farthest:.3f} from it; on other texts it may be more",
        figures={
            "rows": asked,
            "rows_without": without,
            "prompts": len(prompts),
            "again": again,
            "largest_error": error,
            "flipped": len(flips),
            "farthest_flip": farthest,
        },
    )


@optimization(
    Stage.WEIGHTS,
    exact=False,
    evidence=scored_again,
    unavailable=why_not,
    tunable={"band": [0.1, 0.25, 0.5]},
    # The rounded model is made from plain weights in fp32, and computed by torch.
    conflicts=["packed_linear", "int8", "half_precision", "onnxruntime", "openvino"],
)
def screened(extractor: Extractor, *, band: float = 0.25, dtype: str = "bfloat16") -> Extractor:
    """Score every prompt in half precision, and again in fp32 where a logit is near the threshold.

    Cheaper: most prompts have no logit near the threshold, so they cost what half precision costs; `half_precision`
    says where that is fast. The others cost both. An answer changes only where rounding moves a logit over the
    threshold by more than the band. How far it moves them is known of texts that were tried, and of no others, so this
    is not called exact. The evidence gives, for the texts of the run and this checkpoint: the largest error, how far
    from the threshold a logit on its wrong side was at most, and how many prompts were scored again. Choose the band by
    these: the default is ten times the farthest wrong one on `mini`, and less than the largest error there.

    Costs: memory. Weights are held in both precisions. What later optimizations compile or trace is the exact model
    alone.

    Args:
        extractor: the extractor to change.
        band: prompts with a logit nearer to the threshold than this are scored again.
        dtype: of `half_precision`.
    """
    from harness.baseline.precision import in_half
    from harness.baseline.screening import Screen

    if not band > 0:
        raise InputError(f"screened: band is {band}; it must be more than 0")
    rounded = in_half(copy.deepcopy(extractor.model), half_dtype("screened", dtype, extractor.device))
    return replace(extractor, screen=Screen(rounded, band))
