"""Ratios with intervals, and percentiles that say when there are too few samples."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, variance

ALPHA = 0.05
# The ratio's standard deviation between rounds, where a run has too few rounds to tell its own. Source: 53 pairs of
# identical processes on two cores, whose log ratios had an sd of 2.4 %.
ASSUMED_SD = 0.025
FEWEST_DEGREES = 12  # with fewer degrees of freedom the pooled sd is itself too uncertain
NOISE = 0.03  # a verdict needs the whole interval beyond this
# Requests needed before a percentile is bounded above with 95 % confidence by one of them: 1 - q**n >= 0.95, and one
# more sample on the far side.
FEWEST_SAMPLES = {0.5: 5, 0.9: 46, 0.95: 93, 0.99: 473}


@dataclass(frozen=True)
class Estimate:
    """A ratio with its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """``faster`` or ``slower`` (of a ratio of times), or ``not shown`` (the interval reaches the noise)."""
        if self.high < 1 - NOISE:
            return "faster"
        return "slower" if self.low > 1 + NOISE else "not shown"


@dataclass(frozen=True)
class Spread:
    """How much a round's log ratio varies, and the quantile that goes with what is known about it."""

    sd: float
    quantile: float
    assumed: bool


def log_ratio(own: Sequence[Sequence[int]], partner: Sequence[Sequence[int]]) -> float:
    """One round's log ratio of times: the mean over texts of the difference of mean logs, texts weighing alike.

    Args:
        own: passes x texts, in nanoseconds.
        partner: likewise, the same texts.
    """
    return fmean(
        fmean(map(math.log, ours)) - fmean(map(math.log, theirs))
        for ours, theirs in zip(zip(*own, strict=True), zip(*partner, strict=True), strict=True)
    )


def pooled_spread(rounds: Mapping[str, Sequence[float]]) -> Spread:
    """The spread between rounds, pooled over the run's cells; assumed where there are too few rounds.

    Args:
        rounds: each cell's log ratios, one a round.
    """
    repeated = [values for values in rounds.values() if len(values) > 1]
    degrees = sum(len(values) - 1 for values in repeated)
    if degrees < FEWEST_DEGREES:
        return Spread(ASSUMED_SD, NormalDist().inv_cdf(1 - ALPHA / 2), assumed=True)
    from scipy.stats import t

    pooled = sum(variance(values) * (len(values) - 1) for values in repeated) / degrees
    return Spread(math.sqrt(pooled), float(t.ppf(1 - ALPHA / 2, degrees)), assumed=False)


def estimate(rounds: Sequence[float], spread: Spread, against: Sequence[float] | None = None) -> Estimate:
    """The ratio over the rounds; with ``against``, divided by that of another cell."""
    mean = fmean(rounds) - (fmean(against) if against is not None else 0.0)
    error = spread.sd * math.sqrt(1 / len(rounds) + (1 / len(against) if against is not None else 0.0))
    half = spread.quantile * error
    return Estimate(math.exp(mean), math.exp(mean - half), math.exp(mean + half))


def percentile(samples: Sequence[float], share: float) -> float | None:
    """The sample below which that share of them lies (nearest rank), or None where they are too few to tell."""
    if len(samples) < FEWEST_SAMPLES[share]:
        return None
    return sorted(samples)[math.ceil(share * len(samples)) - 1]
