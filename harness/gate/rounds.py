"""Rounds for a gate: one for each combination, and more while a rule about time is undecided."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet

from harness.plan.cells import Planned
from harness.plan.suite import LOOKS
from harness.record import End, Record
from harness.run.stopping import Budget, broken, counted, unmeasurable

# From the records so far: the combinations with an undecided rule about time.
Open = Callable[[Sequence[Record]], AbstractSet[str]]


class GateRounds:
    """Draws rounds until every rule is decided, or the time is over.

    The combinations that a timed rule is about are looked at after 4, 8 and 16 rounds of those still open; what the
    rounds of others say of the spread may open one again.
    """

    def __init__(
        self,
        plan: Sequence[Planned],
        timed: AbstractSet[str],
        is_open: Open,
        random_order: random.Random,
        *,
        rounds: int,
        until: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Plan the rounds.

        Args:
            plan: the combinations.
            timed: those that a timed rule is about.
            is_open: which of them are not decided.
            random_order: decides among equals.
            rounds: at most, of one combination.
            until: no round is begun that, at the pace so far, would end after this time by the clock.
            clock: seconds.
        """
        self._plan, self._timed, self._is_open, self._random = plan, timed, is_open, random_order
        self._looks = [look for look in LOOKS if look <= rounds] or [rounds]
        self._budget = Budget(until, clock)
        self._decided: AbstractSet[str] = set()

    def next(self, records: Sequence[Record]) -> tuple[Planned, int, int] | None:
        """The combination of the next round, the round's number, and how many rounds are left at most; None: enough."""
        done = counted(records)
        if all(done[planned.combination] in self._looks for planned in self._going_on(records, done)):
            self._decided = self._timed - self._is_open(records)
        going_on = self._going_on(records, done)
        if not going_on or broken(records) or self._budget.is_over():
            return None
        fewest = min(done[planned.combination] for planned in going_on)
        planned = self._random.choice([one for one in going_on if done[one.combination] == fewest])
        self._budget.draw()
        left = sum(self._most(one) - done[one.combination] for one in going_on)
        return planned, done[planned.combination], left

    def ends(self, records: Sequence[Record]) -> list[End]:
        """Why each combination got no more rounds."""
        done = counted(records)
        rules = self._rules(records, done)
        names = [planned.combination for planned in self._plan]
        return [End(name, done[name], rules.get(name, "budget")) for name in names]

    def _going_on(self, records: Sequence[Record], done: Counter[str]) -> list[Planned]:
        rules = self._rules(records, done)
        return [planned for planned in self._plan if planned.combination not in rules]

    def _rules(self, records: Sequence[Record], done: Counter[str]) -> dict[str, str]:
        """Why a combination gets no more rounds; those that do are left out."""
        enough = {one.combination for one in self._plan if done[one.combination] >= self._most(one)}
        decided = dict.fromkeys(self._decided, "decided")
        return {**dict.fromkeys(enough, "rounds"), **decided, **unmeasurable(records)}

    def _most(self, planned: Planned) -> int:
        return self._looks[-1] if planned.combination in self._timed else 1
