"""The rounds of the self-check: identical processes, and planted slowdowns, wrong answers and memory."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.plan.cells import Planned
from harness.record import STOCK, Cell, End, Record, stock_is_exact
from harness.run.ablation import Ablation, Options, execute, prepare
from harness.run.estimate import START_S, Passes, count_of, round_s
from harness.run.executors.local import LocalExecutor, Settings
from harness.run.executors.recorded import Reference

_HERE = Path(__file__).parent
PLANTS, SUITE = _HERE / "plants.py", _HERE / "selfcheck.toml"
CLEAN = "dynamic_truncation"  # the faults are planted in this combination, which is close to stock
QUEUED = f"{CLEAN}+batching"
SLOWER = f"{CLEAN}+slower(share=0.1)"
SLOW_TEXT = f"{CLEAN}+slow_text"  # the longest of the suite's
TIRES = f"{CLEAN}+tires"
LEAKS = f"{CLEAN}+leaks(kibibytes=10)"
GROWS = f"{CLEAN}+grows(mebibytes=64)"
GROWS_ON_DEVICE = f"{CLEAN}+grows_on_device(mebibytes=64)"
MISANSWERS = f"{CLEAN}+misanswers"  # the text differs from round to round
ALONE = f"{QUEUED}+alone"
WEIGHED = (SLOWER, SLOW_TEXT, TIRES, GROWS, GROWS_ON_DEVICE)  # in every round
RUN = 4  # rounds in which a fault in times must be found
LONG_RUN = 8  # rounds in which a slope over passes must be found; it varies twice as much as the mean
CLIENTS = 3  # of the closed loop
TIRES_BY = 0.08  # over the timed requests of a round
# Rounds of identical processes for each: one run of every fault that shows in times; one round of every fault
# that shows in single rounds; one round that answers all texts, which takes five times as long (65 s instead of 12).
_A_RUN, _A_ROUND, _A_LONG_ROUND, _FEWEST = 15, 12, 20, 2
_APART = 29  # texts between one that is spoilt and the next; prime, so that it takes long until one comes again
_BEGINNING = 12  # characters that identify a text


def selfcheck(options: Options, rounds: int, progress: Callable[[str, int], None]) -> Path:
    """Make the rounds, or go on with those of an interrupted check.

    Args:
        options: the checkpoint, the device, and where runs are kept.
        rounds: of two identical processes.
        progress: told what begins, and how many rounds are left.

    Returns:
        The run's directory.
    """
    counts, ablation = rounds_of_each(rounds, options.device), prepared(options)
    planned = [
        Planned(name, exact=name != STOCK or stock_is_exact(options.device), cells=(_cell(ablation, name),))
        for name in counts
    ]
    drawn = Counted(planned, counts, random.Random(options.seed))
    return execute(replace(ablation, plan=tuple(planned)), progress, executor_of=Planting, rounds_of=lambda _: drawn)


def prepared(options: Options) -> Ablation:
    """Check the inputs that all rounds share; starts nothing."""
    return prepare(replace(options, suite=str(SUITE), plugins=(PLANTS,)))


def total(rounds: int, device: str) -> int:
    """How many rounds a check has in all."""
    return sum(rounds_of_each(rounds, device).values())


def rounds_of_each(rounds: int, device: str) -> dict[str, int]:
    """How many rounds each combination gets. `rounds` is the number for stock, whose partner is stock too."""
    in_times, in_rounds = RUN * max(1, rounds // _A_RUN), max(_FEWEST, rounds // _A_ROUND)
    return {
        STOCK: rounds,
        **dict.fromkeys((SLOWER, SLOW_TEXT, LEAKS), in_times),
        TIRES: LONG_RUN * max(1, rounds // (_A_RUN * LONG_RUN // RUN)),
        **dict.fromkeys((GROWS, ALONE), in_rounds),
        MISANSWERS: max(_FEWEST, rounds // _A_LONG_ROUND),
        **({GROWS_ON_DEVICE: in_rounds} if device.startswith("cuda") else {}),
    }


def partner_of(combination: str) -> str:
    """The combination without the fault, which a round is timed against."""
    return {STOCK: STOCK, ALONE: QUEUED}.get(combination, CLEAN)


def estimate_s(ablation: Ablation, rounds: int) -> float:
    """Estimate how long a check takes, from the assumed time of a start and of a token."""
    one, passes = ablation.passes(padded=False), ablation.suite.measure.passes
    everything = Passes(one.timed_s + one.compared_s)
    total = START_S + (padded := ablation.passes(padded=True)).timed_s + padded.compared_s
    for name, count in rounds_of_each(rounds, ablation.options.device).items():
        scenarios, its = [_cell(ablation, name).scenario], (everything, 1) if name == MISANSWERS else (one, passes)
        first, later = (
            round_s(
                its[0], its[0], scenarios, its[1], optimizations=count_of(name), first=first, weighs=name in WEIGHED
            )
            for first in (True, False)
        )
        total += first + (count - 1) * later
    return total


def _cell(ablation: Ablation, combination: str) -> Cell:
    dataset, device = "+".join(ablation.suite.texts.datasets), ablation.options.device
    if combination == ALONE:
        return Cell(combination, "closed_loop", dataset, device, CLIENTS)
    return Cell(combination, "single_stream", dataset, device)


class Counted:
    """A given number of rounds of each combination, in random order."""

    def __init__(self, plan: Sequence[Planned], counts: Mapping[str, int], random_order: random.Random) -> None:
        self._plan, self._counts, self._random = plan, counts, random_order

    def next(self, records: Sequence[Record]) -> tuple[Planned, int, int] | None:
        """One of the remaining rounds, at random."""
        done = Counter(record.cell.combination for record in records)
        left = [one for one in self._plan for _ in range(self._counts[one.combination] - done[one.combination])]
        if not left:
            return None
        planned = self._random.choice(left)
        return planned, done[planned.combination], len(left)

    def ends(self, _: Sequence[Record]) -> list[End]:
        """Every combination got its rounds."""
        return [End(name, count, "rounds") for name, count in self._counts.items()]


class Planting:
    """Measures a round as `run` does, but against the process without the fault."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def reference(self) -> tuple[Reference, dict[str, Any]]:
        """As in every run."""
        return LocalExecutor(self._settings).reference()

    def round(self, planned: Planned, number: int, reference: Reference) -> list[Record]:
        """Measure one round; a wrong answer is planted in a different text each time."""
        name = planned.combination
        settings = replace(self._settings, partner=partner_of(name), weigh_each=name in WEIGHED)
        if name == MISANSWERS:
            spoilt = settings.examples[misanswered(reference, number)]
            planned = replace(planned, combination=f"{name}(beginning={spoilt.text[:_BEGINNING]!r})")
            settings = replace(settings, timed=len(settings.examples), passes=1)
        elif name == SLOW_TEXT:
            slowed = max(settings.examples[: settings.timed], key=lambda example: len(example.text))
            planned = replace(planned, combination=f"{name}(beginning={slowed.text[:_BEGINNING]!r})")
        elif name == TIRES:
            each = 1 if settings.device.startswith("cuda") else 2  # on a CPU a request that is not timed goes before
            share = TIRES_BY / (settings.timed * settings.passes * each)
            settings = replace(settings, lengthened=False)  # so many requests, and no more
            planned = replace(planned, combination=f"{name}(a_request={share!r})")
        return LocalExecutor(settings).round(planned, number, reference)


def misanswered(reference: Reference, number: int) -> int:
    """The index of the text that gets a wrong answer in this round; it has an answer."""
    answered = [place for place, answer in enumerate(reference.answers) if answer]
    return answered[number * _APART % len(answered)]
