"""Every prompt scored in half precision, and again in fp32 where a logit is near the threshold."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from harness.plugin import Evidence, InputError, Probe, Stage, optimization
from optimizations.half_precision import half_dtype, why_not

if TYPE_CHECKING:
    from harness.plugin import Extractor


def scored_again(probe: Probe) -> Evidence:
    """Compare the rounded logits of all prompts with the exact ones, and count those that were scored again."""
    import numpy as np

    from harness.baseline.decode import THRESHOLD

    extractor = probe.extractor
    exact = replace(extractor, screen=None)
    prompts = again = flipped = 0
    error, nearest = 0.0, 0.0
    for text, schema in zip(probe.texts, probe.schemas, strict=True):
        for prompt, logits in exact.extract_observed(text, schema).logits.items():
            rounded = extractor.rounded().logits(text, [prompt])[0]
            wrong = (rounded > THRESHOLD) != (logits > THRESHOLD)
            prompts += 1
            flipped += bool(wrong.any())
            error = max(error, float(np.abs(rounded - logits).max()))
            nearest = max(nearest, float(np.abs(rounded - THRESHOLD)[wrong].max(initial=0)))
            again += bool(extractor.screen and (np.abs(rounded - THRESHOLD) < extractor.screen.band).any())
    band = extractor.screen.band if extractor.screen else 0.0
    return Evidence(
        optimization="screened",
        active=extractor.screen is not None and error > 0,
        summary=f"{again} of {prompts} prompts, those with a logit within {band} of the threshold, scored again; "
        f"half precision was off by at most {error:.3f}, and {flipped} prompts had a logit on the wrong side, at most "
        f"{nearest:.3f} from it; on other texts it may be more",
        figures={
            "prompts": prompts,
            "again": again,
            "largest_error": error,
            "flipped": flipped,
            "farthest_flip": nearest,
        },
    )


@optimization(
    Stage.WEIGHTS,
    exact=False,
    evidence=scored_again,
    unavailable=why_not,
    conflicts=["packed_linear", "int8", "half_precision"],  # the rounded model is made from plain weights in fp32
)
def screened(extractor: Extractor, *, band: float = 0.25, dtype: str = "bfloat16") -> Extractor:
    """Score every prompt in half precision, and again in fp32 where a logit is near the threshold.

    Cheaper: most prompts have no logit near the threshold, so they cost what half precision costs; `half_precision`
    says where that is fast. The others cost both. Rounding moves a logit by a few tenths at most, and an answer
    changes only if it moves one over the threshold. So with a band wider than that no answer changes; but how far
    rounding moves a logit is known of the texts that were tried, and of no others. That is why it is not called exact.
    The evidence gives, for the texts of the run and this checkpoint: the largest error seen, how far from the threshold
    a logit on its wrong side was at most, and how many prompts were scored again. Choose the band by these.

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
    rounded = in_half(extractor.model, half_dtype("screened", dtype, extractor.device))
    return replace(extractor, screen=Screen(rounded, band))
