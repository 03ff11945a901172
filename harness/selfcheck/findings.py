"""What the self-check's records say."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.analyse.compare import MACHINE_SD, assumed_sd, ratios, streams
from harness.analyse.rates import Rate
from harness.errors import UiebenchError
from harness.record import STOCK, Failed, Record, SingleStream, stock_is_exact
from harness.selfcheck.check import GROWS, MISANSWERS, SLOWER
from harness.selfcheck.rates import Deviation, called_different, called_slower, deviation, grown, resolved

ALARMS_AT_MOST = 0.05
FOUND_AT_LEAST = 0.95
RUNS_OF = (4, 8)  # rounds: what suites make
SCALED = (0.02, 0.05, 0.2)  # slowdowns made by scaling recorded times
_FEWEST = 2  # rounds that vary


class SelfcheckError(UiebenchError):
    """So many rounds failed that no rate can be told."""

    failed = True


@dataclass(frozen=True)
class Target:
    """A rate that was measured, and what it has to be."""

    what: str
    rate: Rate
    wanted: str
    kept: bool  # the rate's interval does not exclude it


@dataclass(frozen=True)
class Shown:
    """A rate that was measured and has no target."""

    what: str
    rate: Rate


@dataclass(frozen=True)
class Counts:
    """Rounds in which something was seen, of so many."""

    what: str
    seen: int
    rounds: int
    wanted: int

    @property
    def kept(self) -> bool:
        """Whether it was seen as often as it had to be."""
        return self.seen == self.wanted


@dataclass(frozen=True)
class Findings:
    """All that the self-check found."""

    deviation: Deviation
    targets: tuple[Target, ...]
    shown: tuple[Shown, ...]
    counts: tuple[Counts, ...]
    resolved: dict[int, float | None]  # rounds of a run -> the least slowdown it finds 95 times of 100
    failures: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether no target is missed."""
        return all(one.kept for one in self.targets) and all(one.kept for one in self.counts) and not self.failures


def findings(records: Sequence[Record]) -> Findings:
    """Rates of verdicts over runs drawn from the rounds, and counts of what shows in a single one.

    A drawn run has too few rounds to tell its own spread, so it is judged with what a run on this machine assumes.

    Raises:
        SelfcheckError: (nearly) all rounds of identical processes failed, or of the slowdown.
    """
    found = ratios(records)
    for name in (STOCK, SLOWER):
        if len(found.get(name, [])) < _FEWEST:
            raise SelfcheckError(f"there is nothing to judge: {_why_too_few(records, name)}")
    identical, slowed = found[STOCK], found[SLOWER]
    deviates = deviation(identical)
    sd = assumed_sd({MACHINE_SD: deviates.value})
    alarms = [
        _target(f"false alarms, {of} rounds", called_different(identical, of, sd), at_most=ALARMS_AT_MOST)
        for of in RUNS_OF
    ]
    planted = [(f"+10 % planted, {of} rounds", called_slower(slowed, of, sd)) for of in RUNS_OF]
    scaled = [
        Shown(f"+{share:.0%} by scaling, {of} rounds", called_slower(_scaled(identical, share), of, sd))
        for share in SCALED
        for of in RUNS_OF
    ]
    return Findings(
        deviation=deviates,
        targets=(*alarms, _target(*planted[-1], at_least=FOUND_AT_LEAST)),
        shown=(*(Shown(*one) for one in planted[:-1]), *scaled),
        counts=tuple(_counts(records)),
        resolved={of: resolved(identical, of, sd) for of in RUNS_OF},
        failures=tuple(f"{one.cell.combination}: {one.error}" for one in records if isinstance(one, Failed)),
    )


def _why_too_few(records: Sequence[Record], name: str) -> str:
    of = [record for record in records if record.cell.combination == name]
    failed = [record for record in of if isinstance(record, Failed)]
    why = f" ({failed[-1].kind}): {failed[-1].error}" if failed else ""
    return f"{len(failed)} of {len(of)} rounds of {name} failed{why}; what they said is in the logs/ of the run"


def _scaled(rounds: Sequence[float], share: float) -> list[float]:
    return [ratio + math.log(1 + share) for ratio in rounds]


def _target(what: str, rate: Rate, *, at_most: float | None = None, at_least: float | None = None) -> Target:
    if at_most is not None:
        return Target(what, rate, f"at most {at_most:.0%}", rate.low <= at_most)
    assert at_least is not None
    return Target(what, rate, f"at least {at_least:.0%}", rate.high >= at_least)


def _counts(records: Sequence[Record]) -> list[Counts]:
    measured = streams(records)
    stock = [STOCK] if all(stock_is_exact(record.cell.device) for record in records) else []
    clean = [one for name in (*stock, SLOWER, GROWS) for one in measured.get(name, [])]
    wrong, growing = measured.get(MISANSWERS, []), measured.get(GROWS, [])
    peaks = [_peak(one) for one in measured.get(SLOWER, [])]
    found = sum(grown(_peak(one), peaks) for one in growing)
    return [
        Counts("an answer called wrong that is not", sum(bool(one.parity.broken) for one in clean), len(clean), 0),
        Counts(
            "1 wrong answer of 100 found", sum(len(one.parity.broken) == 1 for one in wrong), len(wrong), len(wrong)
        ),
        Counts("64 MiB of growth found", found, len(growing), len(growing)),
    ]


def _peak(one: SingleStream) -> int:
    return (one.memory and one.memory.rss_serving_peak_bytes) or 0
