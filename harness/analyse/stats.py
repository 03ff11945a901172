"""Ratios with intervals."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from numpy.typing import NDArray

ALPHA = 0.05
NOISE = 0.03  # a verdict needs the whole interval beyond this
# How well the variance of a combination agrees with the one expected from its ratio and its run, and the variance of a
# run with the published runs', as degrees of freedom: more of them mean better agreement. Source of these numbers, of
# the growth and of the priors below: fits to the rounds of reports/cpu; tests/simulation/fit.py repeats them.
CELLS_ALIKE, RUNS_ALIKE = 20.0, 4.0
# How much a run's growth differs from the prior's, as an sd. Published runs have 0.1 to 0.4, others perhaps none.
GROWTHS_DIFFER = 0.25
_STEPS = 20  # of an iteration; each step halves the error
_TINY = 1e-300

Verdict: TypeAlias = Literal["faster", "slower", "no difference", "inconclusive"]


@dataclass(frozen=True)
class Estimate:
    """A ratio of times with its 95 % interval, and a verdict on it."""

    value: float
    low: float
    high: float
    p: float  # the probability of a ratio at least this far from 1 if the true ratio is at the edge of the noise
    level: float = ALPHA / 2  # p must be lower for a verdict; the level is smaller if several are judged together

    @property
    def verdict(self) -> Verdict:
        """``faster`` or ``slower`` by more than the noise, ``no difference`` beyond it, or ``inconclusive``."""
        if self.p < self.level:
            return "faster" if self.value < 1 else "slower"
        return "no difference" if self.low >= 1 - NOISE and self.high <= 1 + NOISE else "inconclusive"


@dataclass(frozen=True)
class Spread:
    """The sd of a round's log ratio, and how well it is known; by default, exactly."""

    sd: float
    degrees: float = math.inf  # of freedom
    shared: float = math.inf  # the most degrees of a sum with other cells of the run, since all use the run's level

    def estimate(self, mean: float, error: float, alpha: float = ALPHA) -> Estimate:
        """A ratio from the mean and the standard error of its logarithm; its interval has the level 1 - ``alpha``."""
        from scipy.special import stdtr, stdtrit

        half = float(stdtrit(self.degrees, 1 - alpha / 2)) * error
        beyond = max(math.log(1 - NOISE) - mean, mean - math.log(1 + NOISE))
        p = float(stdtr(self.degrees, -beyond / error)) if error else float(beyond <= 0)
        return Estimate(math.exp(mean), math.exp(mean - half), math.exp(mean + half), p, alpha / 2)


@dataclass(frozen=True)
class Prior:
    """The expected spread of a quantity before a run has rounds. Without degrees of freedom, nothing is known."""

    sd: float  # at a log ratio of 0
    growth: float = 0.0  # of the logarithm of the sd, per unit of the size of the log ratio
    degrees: float = RUNS_ALIKE

    def at_least(self, sd: float) -> Prior:
        """The same prior, with an sd of at least this."""
        return replace(self, sd=max(self.sd, sd))

    def at(self, log_ratio: float) -> Spread:
        """The spread that is expected at this log ratio."""
        return Spread(self.sd * math.exp(self.growth * min(abs(log_ratio), FARTHEST)), self.degrees)

    def of_difference(self, one: float, other: float) -> tuple[float, Spread]:
        """The standard error of the difference of two such log ratios, with the spread that it is computed from."""
        return math.hypot(self.at(one).sd, self.at(other).sd), self.at(0)


FARTHEST = 2.0  # the largest size of a published log ratio: the cost of padding to 512 tokens
# Pooled over the published runs (reports/cpu): 303 degrees of freedom of times and 122 of rates. Processes that compute
# different things also vary with their core and the place of their memory.
TIME_PRIOR = Prior(sd=0.0165, growth=0.4)
RATE_PRIOR = Prior(sd=0.033, growth=0.22)
MEMORY_PRIOR = Prior(sd=0.001)  # peaks of 5 combinations in 4 processes each had 0.02 to 0.12 %
UNKNOWN = Prior(sd=1.0, degrees=0.0)


def holm(alone: Sequence[tuple[float, float]]) -> list[float]:
    """The level that each p must be below, so that any false verdict is at most as likely as with a single test.

    Source: Holm, A Simple Sequentially Rejective Multiple Test Procedure (1979).

    Args:
        alone: for each test, its p and the level that it would have alone.
    """
    levels, stopped = [0.0] * len(alone), False
    for rank, place in enumerate(sorted(range(len(alone)), key=lambda place: alone[place][0])):
        p, level = alone[place]
        levels[place] = 0.0 if stopped else level / (len(alone) - rank)
        stopped = stopped or p >= levels[place]
    return levels


def judged_together(estimates: Mapping[str, Estimate]) -> dict[str, Estimate]:
    """The same estimates, with levels for which any false verdict is at most as likely as with a single estimate."""
    levels = holm([(one.p, one.level) for one in estimates.values()])
    return {name: replace(one, level=level) for (name, one), level in zip(estimates.items(), levels, strict=True)}


def log_ratio(own: Sequence[Sequence[int]], partner: Sequence[Sequence[int]]) -> float:
    """The log ratio of times of one round: the mean over texts, all with the same weight, of differences of mean logs.

    Args:
        own: passes x texts, in nanoseconds.
        partner: likewise, the same texts.
    """
    return fmean(
        fmean(map(math.log, ours)) - fmean(map(math.log, theirs))
        for ours, theirs in zip(zip(*own, strict=True), zip(*partner, strict=True), strict=True)
    )


@dataclass(frozen=True)
class Spreads:
    """The spread of each of a run's cells."""

    cells: Mapping[str, Spread]
    unmeasured: Spread  # of a cell without rounds, assuming a ratio of 1
    prior: Prior
    degrees: int  # of freedom, of the run's own rounds

    def of(self, cell: str) -> Spread:
        """The spread of one cell."""
        return self.cells.get(cell, self.unmeasured)


def spreads(rounds: Mapping[str, Sequence[float]], prior: Prior = TIME_PRIOR) -> Spreads:
    """The spreads of a run's cells: the variance of each, shrunk towards the one expected at its ratio in this run.

    The expected variance is a level times a growth with the size of the ratio. Both start from the prior and move to
    the maximum likelihood of the run's variances. These are assumed to follow an F distribution, so that a cell that
    varies far more than the others has little influence. The level of a cell comes from the other cells. Source: Smyth,
    Linear Models and Empirical Bayes Methods for Assessing Differential Expression in Microarray Experiments (2004).

    Args:
        rounds: the log ratios of each cell, one for each round.
        prior: of the quantity.
    """
    import numpy as np

    sizes = np.array([min(abs(fmean(values)), FARTHEST) for values in rounds.values()] + [0.0])
    squares = np.array([_squares(values) for values in rounds.values()] + [0.0])
    degrees = np.array([len(values) - 1 for values in rounds.values()] + [0])
    others, centred = 1 - np.eye(len(sizes)), sizes - degrees @ sizes / max(degrees.sum(), 1)
    known = prior.degrees + others @ degrees  # of each cell's level
    told = 2 * centred**2 @ (degrees * CELLS_ALIKE / (CELLS_ALIKE + degrees))  # of the growth: Fisher's information
    growth = prior.growth
    levels: NDArray[np.floating[Any]] = np.ones(len(sizes))
    for _ in range(_STEPS):
        expected = (prior.sd * np.exp(growth * sizes)) ** 2
        scaled = squares / expected
        counts = (CELLS_ALIKE + degrees) / (CELLS_ALIKE + scaled / np.maximum(levels, _TINY)[:, None]) * scaled
        levels = (prior.degrees + (others * counts).sum(axis=1)) / np.maximum(known, 1)
        slope = centred @ (counts.diagonal() / np.maximum(levels, _TINY) - degrees)
        growth += float((slope - (growth - prior.growth) / GROWTHS_DIFFER**2) / (told + 1 / GROWTHS_DIFFER**2))
    expected = (prior.sd * np.exp(growth * sizes)) ** 2
    shrunk_to = CELLS_ALIKE * known / (CELLS_ALIKE + known)
    all_degrees = shrunk_to + degrees
    variances = (shrunk_to * levels * expected + squares) / np.maximum(all_degrees, _TINY)
    shared = prior.degrees + int(degrees.sum())
    found = [
        Spread(math.sqrt(variance), float(free), shared) if free else Spread(math.inf, 1, 1)
        for variance, free in zip(variances, all_degrees, strict=True)
    ]
    return Spreads(dict(zip(rounds, found, strict=False)), found[-1], prior, int(degrees.sum()))


def _squares(values: Sequence[float]) -> float:
    mean = fmean(values)
    return math.fsum((value - mean) ** 2 for value in values)


def summed(parts: Iterable[tuple[float, Spread]]) -> Spread:
    """The standard error of a sum of independent parts, each given by its error and the spread that it comes from.

    Source of its degrees of freedom: Satterthwaite, An Approximate Distribution of Estimates of Variance Components
    (1946).
    """
    every = list(parts)
    variance = math.fsum(error**2 for error, _ in every)
    uncertain = math.fsum(error**4 / spread.degrees for error, spread in every)
    shared = min((spread.shared for _, spread in every), default=math.inf)
    if math.isinf(variance):
        return Spread(math.inf, 1, 1)
    return Spread(math.sqrt(variance), min(variance**2 / uncertain if uncertain else math.inf, shared), shared)


def estimate(rounds: Sequence[float], spread: Spread, alpha: float = ALPHA) -> Estimate:
    """The ratio of a cell over its rounds."""
    return spread.estimate(fmean(rounds), spread.sd / math.sqrt(len(rounds)), alpha)


def divided(
    rounds: Sequence[float],
    spread: Spread,
    by: Sequence[float],
    their_spread: Spread,
    alpha: float = ALPHA,
    *,
    between: Prior | None = None,
) -> Estimate:
    """The ratio of one cell divided by that of another, with the errors of both.

    Args:
        rounds: of the first cell.
        spread: of these rounds.
        by: the rounds of the other cell.
        their_spread: of those rounds.
        alpha: the probability that the interval misses.
        between: the spread of ratios between runs, if the cells are from two runs.
    """
    means = fmean(rounds), fmean(by)
    parts = [(spread.sd / math.sqrt(len(rounds)), spread), (their_spread.sd / math.sqrt(len(by)), their_spread)]
    if between:
        parts.append(between.of_difference(*means))
    total = summed(parts)
    return total.estimate(means[0] - means[1], total.sd, alpha)
