"""Chooses the next round, and says why a combination gets no more of them."""

from __future__ import annotations

import math
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import takewhile

from harness.analyse.compare import ratios
from harness.analyse.stats import TIME_PRIOR, Spread, Spreads, spreads
from harness.analyse.stopping import Seen, rules_of
from harness.analyse.winner import CONTENDERS, contenders
from harness.plan.cells import Planned
from harness.plan.suite import Measure
from harness.record import BASELINE, End, Ending, Failed, Measured, Record, Skipped, can_be_switched_on, ordinary

# A combination that failed this often is not tried again: a random crash rarely happens twice, and a hang costs
# its whole time limit every time.
MOST_FAILURES = 2


class Budget:
    """Wall time for rounds: another one may begin if it would end in time at the pace so far."""

    def __init__(self, until: float | None, clock: Callable[[], float]) -> None:
        """Begin now.

        Args:
            until: the time by the clock by which rounds must end; None for no limit.
            clock: returns seconds.
        """
        self._until, self._clock, self._begun, self._drawn = until, clock, clock(), 0

    def draw(self) -> None:
        """Count a round."""
        self._drawn += 1

    def is_over(self) -> bool:
        """Whether another round would end too late."""
        now = self._clock()
        return self._until is not None and now + (now - self._begun) / max(self._drawn, 1) > self._until


class Schedule:
    """Draws rounds until every combination has enough of them, or the time is over.

    Every combination gets one round. Then the next round is always of the one whose ratio is least certain; ties are
    broken at random, so that no combination has a fixed place in time. Last come the confirming rounds of those that
    look fastest, in random order too.
    """

    def __init__(
        self,
        plan: Sequence[Planned],
        measure: Measure,
        random_order: random.Random,
        *,
        assumed_sd: float,
        until: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Plan the rounds.

        Args:
            plan: the combinations.
            measure: how many rounds each gets, and how certain it has to be.
            random_order: breaks ties.
            assumed_sd: the least sd of a log ratio between rounds that is assumed before any are seen.
            until: no round is begun that, at the pace so far, would end after this time by the clock.
            clock: returns seconds.

        Raises:
            SuiteError: a stopping rule that the suite names cannot be used.
        """
        self._plan, self._measure, self._random = plan, measure, random_order
        self._prior, self._budget = TIME_PRIOR.at_least(assumed_sd), Budget(until, clock)
        self._rules = rules_of(measure)

    def next(self, records: Sequence[Record]) -> tuple[Planned, int, int] | None:
        """The combination of the next round, the round's number, and the most rounds left; None to stop."""
        if self._budget.is_over() or broken(records):
            return None
        drawn = self._ordinary(ordinary(records)) or self._confirming(records)
        if drawn is not None:
            self._budget.draw()
        return drawn

    def _ordinary(self, records: Sequence[Record]) -> tuple[Planned, int, int] | None:
        done, found = counted(records), ratios(records)
        spread = spreads(found, self._prior)
        ended = self._ended(records, done, found, spread)
        going_on = [planned for planned in self._plan if planned.combination not in ended]
        if not going_on:
            return None
        uncertain = [
            (_error(spread.of(one.combination), done[one.combination]), self._random.random()) for one in going_on
        ]
        planned = going_on[uncertain.index(max(uncertain))]
        left = sum(self._measure.rounds - done[one.combination] for one in going_on)
        return planned, done[planned.combination], left + most_confirming(self._plan, self._measure)

    def _confirming(self, records: Sequence[Record]) -> tuple[Planned, int, int] | None:
        owed = self._owed(records)
        if not owed:
            return None
        name = max(owed, key=lambda name: (owed[name], self._random.random()))
        planned = next(one for one in self._plan if one.combination == name)
        cells = tuple(cell for cell in planned.cells if cell.scenario == "single_stream")
        return replace(planned, cells=cells, confirming=True), counted(records)[name], sum(owed.values())

    def _owed(self, records: Sequence[Record]) -> dict[str, int]:
        """The confirming rounds left for each combination; a failed one ends them."""
        before = ordinary(records)
        exact = {planned.combination: planned.exact for planned in self._plan}
        made = [record for record in records if record.confirming]
        done = counted(made)
        failed = {record.cell.combination for record in made if not isinstance(record, Measured)}
        return {
            name: left
            for name in contenders(exact, ratios(before), before)
            if name not in failed and (left := self._measure.confirm - done[name]) > 0
        }

    def ends(self, records: Sequence[Record]) -> list[End]:
        """Why each combination got no more rounds."""
        before = ordinary(records)
        done, confirming, found = counted(before), counted(records), ratios(before)
        rules = self._ended(before, done, found, spreads(found, self._prior))
        rules |= dict.fromkeys(self._owed(records), "budget")
        names = [planned.combination for planned in self._plan]
        return [End(name, done[name], rules.get(name, "budget"), confirming[name] - done[name]) for name in names]

    def _ended(
        self, records: Sequence[Record], done: Counter[str], found: Mapping[str, Sequence[float]], spread: Spreads
    ) -> dict[str, str]:
        """Why combinations get no more rounds; those that get more are left out."""
        cannot, rules = unmeasurable(records), {}
        for name in (planned.combination for planned in self._plan):
            seen = Seen(name, self._measure, done[name], found.get(name, []), spread.of(name))
            if rule := cannot.get(name) or self._rules.ended(seen):
                rules[name] = rule
        return rules


def unmeasurable(records: Sequence[Record]) -> dict[str, Ending]:
    """The combinations that are not tried again, each with the reason."""
    skipped = {record.cell.combination for record in records if isinstance(record, Skipped)}
    failed = counted([record for record in records if isinstance(record, Failed)])
    often = {name for name, rounds in failed.items() if rounds >= MOST_FAILURES}
    found: dict[str, Ending] = dict.fromkeys(often, "failed")
    return found | dict.fromkeys(skipped, "skipped")


def counted(records: Sequence[Record]) -> Counter[str]:
    """The number of rounds of each combination."""
    return Counter(name for name, _ in {(record.cell.combination, record.round) for record in records})


def most_confirming(plan: Sequence[Planned], measure: Measure) -> int:
    """The most confirming rounds that a run makes."""
    can = [one for one in plan if one.exact and one.reason is None and can_be_switched_on(one.combination)]
    return measure.confirm * min(CONTENDERS, len(can))


def broken(records: Sequence[Record]) -> str | None:
    """Why further rounds would be useless: the baseline fails, or the partner that every round is timed against.

    One failure may be chance, two are not.
    """
    last = [failed for failed in _in_order(records)[-MOST_FAILURES:] if failed and failed.kind == "partner"]
    if len(last) == MOST_FAILURES:
        return last[-1].error
    of_baseline = _in_order([record for record in records if record.cell.combination == BASELINE])
    failures = [failed for failed in of_baseline if failed]
    if len(failures) >= MOST_FAILURES:
        return f"the baseline failed in {len(failures)} rounds ({failures[-1].kind}): {failures[-1].error}"
    return None


def tried_again(records: Sequence[Record]) -> set[tuple[str, int]]:
    """The (combination, round) pairs that failed at the end of a broken run; they are repeated when it is resumed.

    They are a combination's last rounds, so its round numbers stay without a gap. Empty if the run is not broken.
    """
    if not broken(records):
        return set()
    backwards = list({(one.cell.combination, one.round): one for one in records}.items())[::-1]
    of_baseline = [(pair, record) for pair, record in backwards if pair[0] == BASELINE]
    failed = (
        *takewhile(lambda one: isinstance(one[1], Failed) and one[1].kind == "partner", backwards),
        *takewhile(lambda one: isinstance(one[1], Failed), of_baseline),
    )
    return {pair for pair, _ in failed}


def _in_order(records: Sequence[Record]) -> list[Failed | None]:
    """Each round's failure, or None, in the order in which the rounds were made."""
    rounds = {(record.cell.combination, record.round): record for record in records}
    return [record if isinstance(record, Failed) else None for record in rounds.values()]


def _error(spread: Spread, rounds: int) -> float:
    return spread.sd / math.sqrt(rounds) if rounds else math.inf
