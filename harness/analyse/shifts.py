"""How far a combination's times moved from those it is compared with, as a logarithm with its error."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, variance

from harness.analyse.between import PUBLISHED, PUBLISHED_RATES
from harness.analyse.entries import Entry
from harness.analyse.figures import FEWEST
from harness.analyse.rules import Timed
from harness.analyse.stats import ALPHA, RATE_PRIOR, TIME_PRIOR, Prior, Spread, spreads, summed
from harness.analyse.texts import text_spreads
from harness.plan.suite import LOOKS

NEEDS: Mapping[Timed, str] = {
    "time": "the suite does not measure single_stream",
    "total": "the suite does not measure single_stream",
    "texts": "the suite does not measure single_stream",
    "p95": "the suite does not measure single_stream",
    "qps": "the suite does not measure closed_loop",
    "starts_ns": "the suite takes no cold starts",
}
_SIGNS = (1, -1, -1, 1)  # (new / old) / (stock's then / stock's now), as logarithms


@dataclass(frozen=True)
class Shift:
    """The mean of a log ratio of times, new over old: above 0 is slower."""

    mean: float
    error: float  # the standard error of the mean; infinite if there are too few values
    degrees: float  # of freedom
    level: float  # the error probability of each end of the interval

    @property
    def low(self) -> float:
        """The lower end of the interval."""
        return self.mean - self._reach()

    @property
    def high(self) -> float:
        """Its upper end."""
        return self.mean + self._reach()

    def p_above(self, edge: float) -> float:
        """The probability of a mean at least this high if the true shift is at the edge."""
        if not self.error:
            return float(self.mean <= edge)
        from scipy.special import stdtr

        return float(stdtr(self.degrees, (edge - self.mean) / self.error))

    def _reach(self) -> float:
        from scipy.special import stdtrit

        return float(stdtrit(self.degrees, 1 - self.level)) * self.error if self.error else 0.0


class Shifts:
    """The shifts of all combinations. If the sides come from two runs, the spread between repeated runs is included."""

    def __init__(
        self,
        new: Mapping[str, Entry],
        old: Mapping[str, Entry],
        *,
        paired: bool,
        assumed_sd: float,
        looks: int = len(LOOKS),
        between: Prior = PUBLISHED,
    ) -> None:
        """Estimate the spreads.

        Args:
            new: the combinations of this run.
            old: the combinations that it is compared with.
            paired: whether the old ones were the partners in the new ones' rounds; else both were timed against stock.
            assumed_sd: the least sd of a ratio between rounds that is assumed before any rounds are seen.
            looks: how many times the results may stop the rounds.
            between: the spread of a ratio of times between repeated runs.
        """
        self._new, self._old, self._paired = new, old, paired
        self.level = ALPHA / 2 / looks
        self._between, self._assumed_sd = between, assumed_sd
        time = TIME_PRIOR.at_least(assumed_sd)
        priors: Mapping[Timed, Prior] = {"time": time, "total": time, "qps": RATE_PRIOR.at_least(assumed_sd)}
        self._spreads = {
            timed: [spreads(_rounds(side, timed), prior) for side in (new, old)] for timed, prior in priors.items()
        }

    def of(self, timed: Timed, name: str) -> Shift | str:
        """The shift of one combination, or why it is not known."""
        sides = self._sides(timed, self._new[name], self._old[name])
        if not all(sides):
            return NEEDS[timed]
        spreads = [self._spread(timed, name, place, side) for place, side in enumerate(sides)]
        return self._shift(sides, spreads, PUBLISHED_RATES if timed == "qps" else self._between)

    def of_texts(self, name: str) -> dict[str, Shift] | str:
        """The shift of each text that both sides have, or why it is not known."""
        entries = [self._new[name]] if self._paired else [self._new[name], self._old[name]]
        sides = [one.texts for one in entries]
        both = [text for text in sides[0] if all(text in side for side in sides)]
        if not both:
            return NEEDS["texts"]
        rounds = [{text: side[text] for text in both} for side in sides]
        found = [self._of_texts(side) for side in rounds]
        return {
            text: self._shift([side[text] for side in rounds], [one[text] for one in found], self._between)
            for text in both
        }

    def _of_texts(self, rounds: Mapping[str, Sequence[float]]) -> Mapping[str, Spread]:
        if min(map(len, rounds.values())) < FEWEST:
            return dict.fromkeys(rounds, Spread(math.inf, 1))
        return text_spreads(rounds, self._assumed_sd)

    def _shift(self, sides: Sequence[Sequence[float]], spreads: Sequence[Spread], between: Prior) -> Shift:
        parts = [(one.sd / math.sqrt(len(side)), one) for one, side in zip(spreads, sides, strict=True)]
        means = [fmean(side) for side in sides]
        if not self._paired:
            new, old = (own - stock for own, stock in zip(means[:2], means[2:] or (0, 0), strict=True))
            parts.append(between.of_difference(new, old))
        total = summed(parts)
        mean = sum(sign * one for sign, one in zip(_SIGNS, means, strict=False))
        return Shift(mean, total.sd, total.degrees, self.level)

    def _sides(self, timed: Timed, new: Entry, old: Entry) -> list[list[float]]:
        """The logarithms of a shift. Their means are added or subtracted as `_SIGNS` says."""
        if timed != "starts_ns":  # ratios to the partner; if the sides are paired, it is the old side
            return [getattr(new, timed)] if self._paired else [getattr(new, timed), getattr(old, timed)]
        starts = [new.starts_ns, old.starts_ns]
        if not self._paired:  # the sides were measured on different days
            starts += [new.stock_starts_ns, old.stock_starts_ns]
        return [[math.log(ns) for ns in side] for side in starts]

    def _spread(self, timed: Timed, name: str, side: int, values: Sequence[float]) -> Spread:
        if timed in self._spreads:
            return self._spreads[timed][side].of(name)
        if len(values) < FEWEST:
            return Spread(math.inf, 1)
        return Spread(math.sqrt(variance(values)), len(values) - 1)


def _rounds(side: Mapping[str, Entry], timed: Timed) -> dict[str, list[float]]:
    return {name: rounds for name, entry in side.items() if (rounds := getattr(entry, timed))}
