"""How many passes in a round give the smallest variance for the same time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, variance

from harness.analyse.stats import log_ratio
from harness.groups import batched
from harness.record import Measured, Record, SingleStream
from harness.units import NS_PER_S

FEWEST_DEGREES = 12  # of freedom; with fewer, a variance is too uncertain


@dataclass(frozen=True)
class Passes:
    """How much a log ratio of times varies, and how much time it costs: by passes of a round, and by rounds."""

    of_pass: float  # variance of one pass, within its round
    of_round: float  # variance between rounds with infinitely many passes
    pass_s: float  # of both processes, with its untimed requests
    round_s: float  # the rest of a round

    @property
    def best(self) -> float:
        """Passes in a round that give the smallest variance for the same time; infinite if rounds do not differ.

        Source: Kalibera and Jones, Rigorous Benchmarking in Reasonable Time (2013), section 6.
        """
        if not self.of_round:
            return math.inf
        return math.sqrt(self.round_s / self.pass_s * self.of_pass / self.of_round)

    @property
    def whole(self) -> int | None:
        """The best whole number; None if it is infinite."""
        if math.isinf(self.best):
            return None
        return min((max(1, math.floor(self.best)), math.ceil(self.best)), key=self._price)

    def wasted(self, passes: float) -> float:
        """The share of the time that this number of passes wastes: the best number needs less for the same variance."""
        best = max(1.0, self.best)
        return 1 - self._price(best) / self._price(passes)

    def _price(self, passes: float) -> float:
        if math.isinf(passes):
            return self.pass_s * self.of_pass
        return (self.round_s + passes * self.pass_s) * (self.of_round + self.of_pass / passes)


def passes_used(records: Sequence[Record]) -> list[str]:
    """How many passes a round had, and how many would be best, in sentences; empty if too little is known."""
    found = passes_of(records)
    if found is None:
        return []
    streams = [one.samples for one in records if isinstance(one, Measured) and isinstance(one.samples, SingleStream)]
    made = fmean(len(one.own_ns) / one.repeats for one in streams)
    return [
        f"Passes: {made:.3g} in each round. A pass varies by {math.sqrt(found.of_pass):.1%} within its round and costs "
        f"{found.pass_s:.1f} s. A round varies by {math.sqrt(found.of_round):.1%} and costs {found.round_s:.1f} s "
        f"more. For the same time, {found.whole or 'more'} would give the smallest variance; {found.wasted(made):.0%} "
        "of the time is wasted."
    ]


def repeated(records: Sequence[Record]) -> list[str]:
    """How many times a pass answered all texts, in a sentence; empty if once."""
    times = [
        one.samples.repeats for one in records if isinstance(one, Measured) and isinstance(one.samples, SingleStream)
    ]
    if max(times, default=1) == 1:
        return []
    said = " to ".join(str(one) for one in sorted({min(times), max(times)}))
    return [
        f"A pass of single requests answers all texts {said} times in a row, so that it is long enough for the GPU's "
        "clock and its energy counter."
    ]


def passes_of(records: Sequence[Record]) -> Passes | None:
    """The variances and costs of passes and rounds in `single_stream`; None if there are too few of either."""
    cells: dict[str, list[list[float]]] = {}
    pass_s, round_s = [], []
    for record in records:
        if not isinstance(record, Measured) or not isinstance(record.samples, SingleStream) or not record.course:
            continue
        samples = record.samples
        passes = [batched(side, samples.repeats) for side in (samples.own_ns, samples.partner_ns)]
        cells.setdefault(record.cell.combination, []).append(
            [log_ratio(ours, theirs) for ours, theirs in zip(*passes, strict=True)]
        )
        if record.round:  # the first round has costs that no other has
            course = record.course
            untimed = course.priming_s / course.measuring_s if course.measuring_s else 0.0
            timed_s = sum(map(sum, [*samples.own_ns, *samples.partner_ns])) / NS_PER_S * (1 + untimed)
            pass_s.append(timed_s * samples.repeats / len(samples.own_ns))
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
