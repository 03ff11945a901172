"""How often plants were seen, and how often what shows them was seen without them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import msgspec
import numpy as np

from harness.analyse.quantities import in_use_on_device
from harness.analyse.rates import rate
from harness.analyse.stats import ALPHA
from harness.record import STOCK, ClosedLoop, Header, Load, Measured, Memory, SingleStream, stock_is_exact
from harness.selfcheck import scaling
from harness.selfcheck.check import (
    ALONE,
    CLIENTS,
    GROWS,
    GROWS_ON_DEVICE,
    LEAKS,
    LONG_RUN,
    MISANSWERS,
    RUN,
    SLOW_TEXT,
    SLOWER,
    TIRES,
)
from harness.selfcheck.judge import Target, alarm_target, judge, streams
from harness.selfcheck.rates import ALARM, apart, grown, printed
from harness.selfcheck.signs import Sign, drift, knows_heap, leak, of_any_class, slow_requests, texts

FOUND_AT_LEAST = 0.95
_SEED = 0
# A queue that takes whatever waits answers one and two of three clients in turn, so 1.5 on average; half way to 1.
_JOINED = 1 + 0.5 * (CLIENTS / 2 - 1)
Measurements = Mapping[str, Sequence[Measured]]  # by combination


@dataclass(frozen=True)
class Tries:
    """How often something was seen."""

    seen: int
    of: int


@dataclass(frozen=True)
class Plant:
    """A fault that was planted: how often it was seen, and how often it was seen where it was not."""

    what: str
    by: str  # what has to show it
    cases: str  # what is counted
    clean: Tries
    planted: Tries | None = None  # in processes
    scaled: Tries | None = None  # in recorded rounds
    alarms: float | None = None  # of clean cases at most; None where they are only shown
    always: bool = False  # it has to be seen every time

    @property
    def kept(self) -> bool:
        """Whether it was seen as often as it has to be, as far as so few cases show."""
        tries = [one for one in (self.planted, self.scaled) if one]
        if self.always:
            return all(one.seen == one.of for one in tries)
        return all(rate(one.seen, one.of).high >= FOUND_AT_LEAST for one in tries)

    @property
    def alarm(self) -> Target | None:
        """What has to hold where it was not planted."""
        what = f"false alarms: {self.by}, {self.cases}"
        return None if self.alarms is None else alarm_target(what, self.clean.seen, self.clean.of, self.alarms)


def plants(header: Header, measured: Measurements, checks: int) -> list[Plant]:
    """All of them.

    Args:
        header: of the self-check's run.
        measured: its rounds.
        checks: how many are made of its rounds for each plant that concerns the whole check.
    """
    identical = measured[STOCK]
    return [*_in_checks(header, identical, checks), *_in_runs(header, measured), *_in_rounds(header.device, measured)]


def _in_checks(header: Header, identical: Sequence[Measured], checks: int) -> Iterator[Plant]:
    """Plants in the rounds that the check itself judges; each check has rounds drawn from all, with replacement."""

    def red(planting: scaling.Planting) -> Tries:
        chance = np.random.default_rng(_SEED)
        seen = 0
        for _ in range(checks):
            drawn = [identical[place] for place in chance.integers(len(identical), size=len(identical))]
            seen += not all(one.kept for one in judge(header, _planted(drawn, planting, chance)))
        return Tries(seen, checks)

    clean = red(scaling.nothing)
    for what, planting in (
        ("identical processes 4 % apart in every round", scaling.slower(0.04)),
        ("identical processes 25 % (sd) apart", scaling.scattered(0.25)),
        ("one process in four 15 % slower", scaling.some_processes(0.25, 0.15)),
    ):
        yield Plant(what, "the table above", "checks", clean, scaled=red(planting))


def _in_runs(header: Header, measured: Measurements) -> Iterator[Plant]:
    """Plants that show in times and in memory, each in runs of few rounds, by those alone."""

    def slower(run: Sequence[Measured]) -> bool:
        return printed(header, run).verdict == "slower"

    def by(sign: Callable[[Sequence[SingleStream]], Sign]) -> Callable[[Sequence[Measured]], bool]:
        return lambda run: sign(streams(run)).seen

    for what, shown_by, seen, planting, name, of in (
        ("every request 10 % slower", "the verdict", slower, scaling.slower(0.1), SLOWER, RUN),
        ("the slowest text twice as slow", "single texts", by(texts), scaling.slowest_text(2), SLOW_TEXT, RUN),
        ("8 % growth over a round", "the slope over passes", by(drift), scaling.growing(0.08), TIRES, LONG_RUN),
        ("10 KiB kept after every request", "the heap after passes", by(leak), scaling.leaking(10 * 1024), LEAKS, RUN),
        ("short texts 12 % slower", "texts by duration", by(of_any_class), scaling.short_texts(0.12), None, RUN),
        (
            "3 % of requests 3 times as slow",
            "slow requests",
            by(slow_requests),
            scaling.some_requests(0.03, 3),
            None,
            RUN,
        ),
    ):
        if name == LEAKS and not knows_heap(streams([*measured[STOCK], *measured[LEAKS]])):
            continue

        def tries(rounds: Sequence[Measured], seen: Callable[[Sequence[Measured]], bool] = seen, of: int = of) -> Tries:
            found = [seen(run) for run in apart(rounds, of)]
            return Tries(sum(found), len(found))

        scaled = _planted(measured[STOCK], planting, np.random.default_rng(_SEED))
        yield Plant(
            what,
            shown_by,
            f"runs of {of}",
            clean=tries(measured[STOCK]),
            planted=tries(measured.get(name, [])) if name else None,
            scaled=tries(scaled),
            alarms=ALPHA / 2,
        )


def _in_rounds(device: str, measured: Measurements) -> Iterator[Plant]:
    """Plants that show in a single round or not at all."""
    exact = [STOCK] if stock_is_exact(device) else []
    right = [one for name in (*exact, SLOWER, SLOW_TEXT, TIRES) for one in streams(measured.get(name, []))]
    wrong = streams(measured.get(MISANSWERS, []))
    yield Plant(
        "1 wrong answer of 100",
        "the comparison of answers",
        "rounds",
        clean=Tries(sum(bool(one.parity.broken) for one in right), len(right)),
        planted=Tries(sum(len(one.parity.broken) == 1 for one in wrong), len(wrong)),
        alarms=0.0,
        always=True,
    )
    loops = [one.samples for one in measured.get(ALONE, []) if isinstance(one.samples, ClosedLoop)]
    yield Plant(
        "a queue that never batches",
        f"batch sizes under {CLIENTS} clients",
        "rounds",
        clean=Tries(sum(_never_joins(one.partner) for one in loops), len(loops)),
        planted=Tries(sum(_never_joins(one.own) for one in loops), len(loops)),
        alarms=0.0,
        always=True,
    )
    yield _growth("64 MiB kept", measured, GROWS, lambda memory: memory.rss_serving_peak_bytes)
    if GROWS_ON_DEVICE in measured:
        yield _growth("64 MiB kept on the device", measured, GROWS_ON_DEVICE, in_use_on_device)


def _growth(what: str, measured: Measurements, name: str, part: Callable[[Memory], int | None]) -> Plant:
    """Growth of a peak, against the peaks of rounds with the same memory; each of those against the others."""

    def peaks(names: Sequence[str]) -> list[int]:
        found = [one.memory for name in names for one in streams(measured.get(name, []))]
        return [part(memory) or 0 for memory in found if memory]

    clean, growing = peaks([SLOWER, SLOW_TEXT, TIRES]), peaks([name])
    alone = [grown(peak, [*clean[:place], *clean[place + 1 :]]) for place, peak in enumerate(clean)]
    return Plant(
        what,
        "the peak of memory",
        "rounds",
        clean=Tries(sum(alone), len(alone)),
        planted=Tries(sum(grown(peak, clean) for peak in growing), len(growing)),
        alarms=ALARM,
        always=True,
    )


def _never_joins(passes: Sequence[Load]) -> bool:
    return fmean(size for one in passes for size in one.batch_sizes) < _JOINED


def _planted(rounds: Sequence[Measured], planting: scaling.Planting, chance: np.random.Generator) -> list[Measured]:
    return [
        msgspec.structs.replace(one, samples=samples)
        for one, samples in zip(rounds, planting(streams(rounds), chance), strict=True)
    ]
