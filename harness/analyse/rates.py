"""Counted cases as a share of all, with bounds that are valid for any count."""

from __future__ import annotations

from dataclasses import dataclass

from harness.analyse.stats import ALPHA


@dataclass(frozen=True)
class Rate:
    """A share of cases, with its interval."""

    value: float
    low: float
    high: float


def rate(successes: int, trials: int, confidence: float = 1 - ALPHA) -> Rate:
    """The share of independent trials that succeeded, with its exact interval: 0 of 20 leaves up to 16.8 % possible.

    Without another `confidence`, it is a 95 % interval.

    Source: Clopper and Pearson, The Use of Confidence or Fiducial Limits (1934).

    Raises:
        ValueError: there are more successes than trials, or there are no trials.
    """
    from scipy.stats import binomtest

    if trials < 1 or not 0 <= successes <= trials:
        raise ValueError(f"{successes} of {trials} is not a share")
    found = binomtest(successes, trials).proportion_ci(confidence, method="exact")
    return Rate(successes / trials, float(found.low), float(found.high))


def counted(successes: int, trials: int) -> str:
    """The share as text: ``0 of 20 [0.0 %, 16.8 %]``."""
    found = rate(successes, trials)
    return f"{successes} of {trials} [{100 * found.low:.1f} %, {100 * found.high:.1f} %]"


def beyond_largest(samples: int) -> float:
    """The share of similar cases that may lie beyond the largest of the samples, with 95 % confidence.

    Source: Wilks, Determination of Sample Sizes for Setting Tolerance Limits (1941), one-sided.
    """
    return float(1 - ALPHA ** (1 / samples))
