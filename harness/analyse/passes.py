"""How many passes a round would tell the most in the same time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, variance

from harness.analyse.stats import FEWEST_DEGREES, log_ratio
from harness.record import Measured, Record, SingleStream


@dataclass(frozen=True)
class Passes:
    """How much a log ratio of times varies, and what it costs: by passes of a round, and by rounds."""

    of_pass: float  # variance of one pass, within its round
    of_round: float  # variance between rounds, of passes without end
    pass_s: float  # of both processes, with what is not timed of it
    round_s: float  # all else of a round

    @property
    def best(self) -> float:
        """Passes a round for the least variance of a run's ratio in the same time; infinite where rounds are alike.

        Source: Kalibera and Jones, Rigorous Benchmarking in Reasonable Time (2013), section 6.
        """
        if not self.of_round:
            return math.inf
        return math.sqrt(self.round_s / self.pass_s * self.of_pass / self.of_round)

    def wasted(self, passes: float) -> float:
        """The share of the time that so many passes take more than the best number, for the same variance."""
        best = max(1.0, self.best)
        return 1 - self._price(best) / self._price(passes)

    def _price(self, passes: float) -> float:
        if math.isinf(passes):
            return self.pass_s * self.of_pass
        return (self.round_s + passes * self.pass_s) * (self.of_round + self.of_pass / passes)


def passes_of(records: Sequence[Record]) -> Passes | None:
    """What the passes and the rounds of `single_stream` varied by and cost; None where there are too few of either."""
    cells: dict[str, list[list[float]]] = {}
    pass_s, round_s = [], []
    for record in records:
        if not isinstance(record, Measured) or not isinstance(record.samples, SingleStream) or not record.course:
            continue
        own, partner = record.samples.own_ns, record.samples.partner_ns
        cells.setdefault(record.cell.combination, []).append(
            [log_ratio([ours], [theirs]) for ours, theirs in zip(own, partner, strict=True)]
        )
        if record.round:  # a first round costs what only it does
            course = record.course
            timed_s = sum(map(sum, [*own, *partner])) / 1e9 * (1 + course.priming_s / course.measuring_s)
            pass_s.append(timed_s / len(own))
            round_s.append(course.total_s - timed_s)
    rounds = [passes for of_cell in cells.values() for passes in of_cell]
    repeated = [of_cell for of_cell in cells.values() if len(of_cell) > 1]
    within, between = sum(len(passes) - 1 for passes in rounds), sum(len(of_cell) - 1 for of_cell in repeated)
    if min(within, between) < FEWEST_DEGREES or not pass_s:
        return None
    of_pass = sum(variance(passes) * (len(passes) - 1) for passes in rounds if len(passes) > 1) / within
    means = [[fmean(passes) for passes in of_cell] for of_cell in repeated]
    of_means = sum(variance(one) * (len(one) - 1) for one in means) / between
    a_round = fmean(len(passes) for passes in rounds)
    return Passes(of_pass, max(0.0, of_means - of_pass / a_round), fmean(pass_s), fmean(round_s))
