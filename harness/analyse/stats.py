"""Ratios with intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean, variance
from typing import Literal, TypeAlias

ALPHA = 0.05
# The ratio's standard deviation between rounds, where a run has too few rounds to tell its own. Source: what 22
# combinations of 4 rounds showed on two cores (reports/cpu/claims, 66 degrees of freedom). Identical processes differ
# by a third of it; those that do something else than their partner also move with where they and their memory happen
# to be.
ASSUMED_SD = 0.033
FEWEST_DEGREES = 12  # with fewer degrees of freedom the pooled sd is itself too uncertain
NOISE = 0.03  # a verdict needs the whole interval beyond this
# A cell has a spread of its own where chance makes one of a run's cells that much noisier in one run of a hundred; of
# two rounds no spread can be told.
NOISIER_LEVEL, FEWEST_TO_BE_NOISIER = 0.01, 3

Verdict: TypeAlias = Literal["faster", "slower", "no difference", "inconclusive"]


@dataclass(frozen=True)
class Estimate:
    """A ratio of times with its 95 % interval, and a verdict on it."""

    value: float
    low: float
    high: float
    p: float  # how likely a ratio at the edge of the noise, on this side of 1, gives one as far out as this
    level: float = ALPHA / 2  # that p must be below for a verdict; lower where several are judged together

    @property
    def verdict(self) -> Verdict:
        """``faster`` or ``slower`` by more than the noise; ``no difference`` beyond it; or too uncertain to say."""
        if self.p < self.level:
            return "faster" if self.value < 1 else "slower"
        return "no difference" if self.low >= 1 - NOISE and self.high <= 1 + NOISE else "inconclusive"


@dataclass(frozen=True)
class Spread:
    """How much a round's log ratio varies; ``degrees`` of freedom are None where it is taken as known."""

    sd: float
    degrees: int | None = None

    @property
    def assumed(self) -> bool:
        """Whether it comes from elsewhere, for want of rounds."""
        return self.degrees is None

    def estimate(self, mean: float, error: float, alpha: float = ALPHA) -> Estimate:
        """A ratio from the mean of its logarithm and that mean's standard error; its interval misses at ``alpha``."""
        from scipy.stats import norm, t

        distribution = norm if self.degrees is None else t(self.degrees)
        half = float(distribution.ppf(1 - alpha / 2)) * error
        beyond = max(math.log(1 - NOISE) - mean, mean - math.log(1 + NOISE))
        p = float(distribution.sf(beyond / error)) if error else float(beyond <= 0)
        return Estimate(math.exp(mean), math.exp(mean - half), math.exp(mean + half), p, alpha / 2)


def judged_together(estimates: Mapping[str, Estimate]) -> dict[str, Estimate]:
    """The same, with levels that keep the chance of any false verdict among them at that of a single one.

    Source: Holm, A Simple Sequentially Rejective Multiple Test Procedure (1979).
    """
    found, stopped = {}, False
    for rank, name in enumerate(sorted(estimates, key=lambda name: estimates[name].p)):
        level = 0.0 if stopped else estimates[name].level / (len(estimates) - rank)
        stopped = stopped or estimates[name].p >= level
        found[name] = replace(estimates[name], level=level)
    return {name: found[name] for name in estimates}


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


def pooled_spread(rounds: Mapping[str, Sequence[float]], assumed: float = ASSUMED_SD) -> Spread:
    """The spread between rounds, pooled over the run's cells.

    Args:
        rounds: each cell's log ratios, one a round.
        assumed: the sd that is taken where there are too few rounds.
    """
    repeated = [values for values in rounds.values() if len(values) > 1]
    degrees = sum(len(values) - 1 for values in repeated)
    if degrees < FEWEST_DEGREES:
        return Spread(assumed)
    return Spread(math.sqrt(sum(variance(values) * (len(values) - 1) for values in repeated) / degrees), degrees)


@dataclass(frozen=True)
class Spreads:
    """The spread of a run's cells: one for all, but those that clearly vary more have their own."""

    pooled: Spread
    own: Mapping[str, Spread] = field(default_factory=dict)

    def of(self, cell: str) -> Spread:
        """The spread of one cell."""
        return self.own.get(cell, self.pooled)


def spreads(rounds: Mapping[str, Sequence[float]], assumed: float = ASSUMED_SD) -> Spreads:
    """The spreads of a run's cells, by an F test of each against what the others have in common.

    Args:
        rounds: each cell's log ratios, one a round.
        assumed: the sd that is taken where there are too few rounds.
    """
    from scipy.stats import f

    own: dict[str, Spread] = {}
    level = NOISIER_LEVEL / max(len(rounds), 1)
    for name, values in sorted(rounds.items(), key=lambda item: -_sd(item[1])):  # the noisiest first
        if len(values) < FEWEST_TO_BE_NOISIER:
            continue
        others = pooled_spread({other: of for other, of in rounds.items() if other != name and other not in own})
        if others.degrees is None:
            continue
        ratio = (_sd(values) / others.sd) ** 2 if others.sd else math.inf
        if f.sf(ratio, len(values) - 1, others.degrees) < level:
            own[name] = Spread(_sd(values), len(values) - 1)
    alike = {name: values for name, values in rounds.items() if name not in own}
    return Spreads(pooled_spread(alike, assumed), own)


def _sd(values: Sequence[float]) -> float:
    return math.sqrt(variance(values)) if len(values) > 1 else 0.0


def estimate(rounds: Sequence[float], spread: Spread, alpha: float = ALPHA) -> Estimate:
    """The ratio over the rounds of a cell."""
    return spread.estimate(fmean(rounds), spread.sd / math.sqrt(len(rounds)), alpha)


def divided(
    rounds: Sequence[float], spread: Spread, by: Sequence[float], their_spread: Spread, alpha: float = ALPHA
) -> Estimate:
    """The ratio of one cell divided by that of another, with the errors of both."""
    error = math.hypot(spread.sd / math.sqrt(len(rounds)), their_spread.sd / math.sqrt(len(by)))
    less_certain = min(spread, their_spread, key=lambda one: math.inf if one.degrees is None else one.degrees)
    return less_certain.estimate(fmean(rounds) - fmean(by), error, alpha)
