"""Which combination is measured next, and when it has been measured enough."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from harness.analyse.compare import ratios
from harness.analyse.rows import Row
from harness.analyse.stats import Prior, divided, spreads
from harness.analyse.targets import kept_by
from harness.errors import InputError
from harness.plan.cells import Planned
from harness.plan.combination import parse, write
from harness.plugin import Optimization
from harness.record import BASELINE, STOCK, End, Failed, Measured, Record, SingleStream, Skipped
from harness.run.stopping import broken
from harness.tune.findings import excess, values
from harness.tune.space import Space
from harness.tune.study import Asked, Outcome, State, Study

# Drawn in a row without one that is new: what can be drawn has been.
MOST_REPEATS = 100
NO_TIME = "the time was over"
_SKIPPED = "skipped: "


@dataclass(frozen=True)
class Rules:
    """What a search is bound to."""

    rounds: int  # of a combination, at most
    limits: Mapping[str, float]  # as a suite's targets
    inexact: bool  # whether those take part that may change answers
    prior: Prior  # of how much a round varies
    trials: int | None = None  # combinations, in all
    until: float | None = None  # by the clock: the confirmation is to be over then
    confirm: int = 1  # rounds of the confirmation
    once_s: float = 0.0  # what the confirmation takes besides
    round_s: float = 0.0  # what a round takes, before any was made


@dataclass
class Search:
    """Draws rounds: of stock one, then of one combination after the other as many as it takes.

    A combination gets no more rounds when it has as many as any gets; when it failed, or gave another answer; or when
    its interval, or a constraint, rules it out as the best. It is looked at after every round, each time at 5 %. So
    now and then a fast one is given up. That costs the search a candidate; the figure it names is measured anew.
    """

    study: Study
    space: Space
    registry: Mapping[str, Optimization[Any]]
    rules: Rules
    planned: Callable[[str], Planned]
    row: Callable[[Planned, Sequence[Record]], Row]
    wanted: Sequence[str] = ()  # before anything else
    clock: Callable[[], float] = time.monotonic
    ended: str = ""  # why it asks for no more
    dropped: list[str] = field(default_factory=list)  # optimizations that turned out not to run here
    _drawn: int = 0

    def __post_init__(self) -> None:
        """Go on where an interrupted search was."""
        self._begun = self.clock()
        self.outcomes = self.study.outcomes()
        self._open = self.study.left_open()
        self._proposed: set[str] = set()
        for one in self.outcomes.values():
            self._drop(one)

    def next(self, records: Sequence[Record]) -> tuple[Planned, int, int] | None:
        """The combination of the next round, the round's number, and about how many are left; None: enough."""
        while True:
            if why := broken(records) or self._is_over():
                self.ended = why
                return None
            if not any(record.cell.combination == STOCK for record in records):
                return self._draw(self.planned(STOCK), 0)
            if self._open is None and (why := self._take()):
                self.ended = why
                return None
            assert self._open is not None
            planned = self.planned(self._open.combination)
            own = [record for record in records if record.cell.combination == planned.combination]
            done = len({record.round for record in own})
            enough = self._enough(planned, own, records)
            if enough is None:
                return self._draw(planned, done)
            self._tell(self._open, planned, own, *enough)
            self._open = None

    def ends(self, records: Sequence[Record]) -> list[End]:
        """Why each combination got no more rounds."""
        found = []
        for name in dict.fromkeys(record.cell.combination for record in records):
            own = [record for record in records if record.cell.combination == name]
            # Stock's says of the whole search whether there would have been more to try.
            rule = "budget" if name == STOCK and self.ended == NO_TIME else "rounds"
            if any(isinstance(record, Skipped) for record in own):
                rule = "skipped"
            elif any(isinstance(record, Failed) for record in own):
                rule = "failed"
            elif (one := self.outcomes.get(name)) is not None and one.state == "open":
                rule = "budget"
            found.append(End(name, len({record.round for record in own}), rule))
        return found

    @property
    def made(self) -> list[Outcome]:
        """The combinations of this search, in order; what another run measured is left out."""
        return [one for one in self.outcomes.values() if one.state != "known"]

    def _draw(self, planned: Planned, number: int) -> tuple[Planned, int, int]:
        left = self._left(number)
        self._drawn += 1
        return planned, number, left

    def _left(self, done: int) -> int:
        """Rounds: by the trials where they are counted, else by the time and the pace."""
        rules = self.rules
        if rules.trials is not None:
            begun = sum(one.state != "open" for one in self.made)
            return (rules.trials - begun) * rules.rounds - done + rules.confirm
        assert rules.until is not None
        return max(rules.confirm, int((rules.until - self.clock()) / max(self._pace(), 1e-3)))

    def _pace(self) -> float:
        """Seconds a round."""
        return (self.clock() - self._begun) / self._drawn if self._drawn else self.rules.round_s

    def _is_over(self) -> str | None:
        """Whether another round would, at the pace so far, leave no time for the confirmation."""
        rules = self.rules
        if rules.until is None:
            return None
        after = self.clock() + self._pace() * (1 + rules.confirm) + rules.once_s
        return NO_TIME if after > rules.until else None

    def _take(self) -> str | None:
        """Open the next combination, or say why there is none."""
        if self.rules.trials is not None and len(self.made) >= self.rules.trials:
            return "all trials were made"
        for _ in range(MOST_REPEATS):
            asked = self._asked()
            known = self.outcomes.get(asked.combination)
            if known is None and self._is_new(asked.combination):
                self.study.take(asked)
                self.outcomes[asked.combination] = Outcome(asked.combination, "open")
                self._open = asked
                return None
            self.study.again(asked, known)
        return f"nothing new was drawn {MOST_REPEATS} times in a row"

    def _is_new(self, combination: str) -> bool:
        """Whether it is one to measure: not the baseline itself, and exact where that is asked for."""
        return combination != BASELINE and (self.rules.inexact or self.planned(combination).exact)

    def _asked(self) -> Asked:
        for name in self._first():
            self._proposed.add(name)
            try:
                return self.study.ask(self.space, self.dropped, parse(name, self.registry))
            except InputError:  # what another run measured cannot always be drawn here
                continue
        return self.study.ask(self.space, self.dropped)

    def _first(self) -> Iterator[str]:
        """What is tried before anything is drawn, as far as it has not been.

        What another run showed; all that go together; then the fastest of these without each of its parts, which tells
        where it is fast already what each brings. Where none of them works, each alone tells what is at fault.
        """
        avoided = {*self.dropped, *(name for one in self.made for name in self._at_fault(one))}
        # What is idle beside one rival may not be beside another: each has a go with all before it has one without.
        together = [*self.space.together(self.dropped), *self.space.together(avoided)]
        works = [one for name in together if (one := self.outcomes.get(name)) is not None and one.values]
        if works:
            fastest = parse(min(works, key=lambda one: one.values[0]).combination, self.registry)
            then = [write([other for other in fastest if other is not one]) for one in fastest]
        else:
            then = self.space.alone(avoided)
        for name in dict.fromkeys((*self.wanted, *together, *then)):
            if name not in self._proposed and name not in self.outcomes:
                yield name

    def _enough(self, planned: Planned, own: Sequence[Record], records: Sequence[Record]) -> tuple[State, str] | None:
        """Why the open combination gets no more rounds, or None."""
        for record in own:
            if isinstance(record, Skipped):
                return "failed", f"{_SKIPPED}{record.reason}"
            if isinstance(record, Failed):
                return "failed", f"{record.kind}: {record.error}"
        if not own:
            return None
        if planned.exact and (changed := _changed(own)):
            return "failed", f"gives another answer than the baseline on {', '.join(changed)}"
        row = self.row(planned, own)
        if row.struck_out:
            return "failed", "loses more F1 than the margin"
        if len({record.round for record in own}) >= self.rules.rounds:
            return "whole", ""
        why = self._beyond(row) or self._slower(planned.combination, records)
        return ("stopped", why) if why else None

    def _beyond(self, row: Row) -> str | None:
        for name, limit in self.rules.limits.items():
            if kept_by(row, name, limit) == "missed":
                return f"does not keep {name}"
        return None

    def _slower(self, name: str, records: Sequence[Record]) -> str | None:
        """Whether its rounds so far rule it out as the fastest that keeps the constraints."""
        found = ratios(records)
        best = min((one for one in found if self._is_eligible(one)), key=lambda one: fmean(found[one]), default=None)
        if best is None or name not in found:
            return None
        spread = spreads(found, self.rules.prior)
        to_best = divided(found[name], spread.of(name), found[best], spread.of(best))
        if to_best.low <= 1:
            return None
        return f"takes at least {to_best.low:.2f} times as long as {best}"

    def _is_eligible(self, name: str) -> bool:
        """Whether it has all its rounds and keeps the constraints, as far as its values tell."""
        one = self.outcomes.get(name)
        return one is not None and one.state == "whole" and one.keeps

    def _tell(self, asked: Asked, planned: Planned, own: Sequence[Record], state: State, why: str) -> None:
        row = self.row(planned, own)
        found = None if state == "failed" else values(row)
        beyond = excess(row, self.rules.limits)
        if state != "failed" and found is None:
            state, why = "failed", "its memory or its cold start was not measured"
        keeps = all(share <= 0 for share in beyond.values())
        outcome = Outcome(asked.combination, state, why, found or (), keeps)
        self.study.tell(asked, outcome, beyond)
        self.outcomes[asked.combination] = outcome
        self._drop(outcome)

    def _drop(self, outcome: Outcome) -> None:
        """Leave out an optimization that cannot run here by itself, whatever its parameters."""
        if not outcome.why.startswith(_SKIPPED):
            return
        blamed = outcome.why.removeprefix(_SKIPPED).partition(":")[0]
        if self._parts(outcome).get(blamed) == {} and blamed not in self.dropped:
            self.dropped.append(blamed)

    def _at_fault(self, outcome: Outcome) -> list[str]:
        """What a failure is owed to, where that is known; it can still be drawn, with other parameters or company."""
        if outcome.state != "failed":
            return []
        parts = self._parts(outcome)
        return list(parts) if len(parts) == 1 else [name for name in parts if f"{name} is not active:" in outcome.why]

    def _parts(self, outcome: Outcome) -> dict[str, dict[str, Any]]:
        return {one.name: arguments for one, arguments in parse(outcome.combination, self.registry)}


def _changed(records: Sequence[Record]) -> list[str]:
    """The texts on which another answer was given."""
    return sorted(
        {
            one.id
            for record in records
            if isinstance(record, Measured) and isinstance(record.samples, SingleStream)
            for one in record.samples.parity.broken
        }
    )
