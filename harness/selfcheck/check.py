"""The self-check's rounds: identical processes, and planted slowdowns, wrong answers and memory."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.plan.cells import Planned
from harness.record import STOCK, Cell, End, Record, stock_is_exact
from harness.run.ablation import ASSUMED_START_S, Ablation, Options, execute, prepare
from harness.run.executors.local import LocalExecutor, Settings
from harness.run.executors.recorded import Reference

_HERE = Path(__file__).parent
PLANTS, SUITE = _HERE / "plants.py", _HERE / "selfcheck.toml"
CLEAN = "dynamic_truncation"  # what is planted in: nearly what stock does, and a combination
SLOWER = f"{CLEAN}+slower(share=0.1)"
GROWS = f"{CLEAN}+grows(mebibytes=64)"
MISANSWERS = f"{CLEAN}+misanswers"  # the text differs from round to round
# Enough rounds of a slowdown to draw runs of 8 from; a wrong answer and memory show in one round or not at all.
SLOWER_ROUNDS, OTHER_ROUNDS = 20, 5
_BEGINNING = 12  # characters by which a text is told from the others
_OF_BASELINE = 0.2  # what a request that is not padded takes of the baseline's, about


def selfcheck(options: Options, rounds: int, progress: Callable[[str, int], None]) -> Path:
    """Make the rounds, or go on with those of an interrupted check.

    Args:
        options: the checkpoint, the device, and where runs are kept.
        rounds: of two identical processes.
        progress: told what begins, and how many rounds are left.

    Returns:
        The run's directory.
    """
    counts, ablation = rounds_of_each(rounds), prepared(options)
    planned = [
        Planned(name, exact=name != STOCK or stock_is_exact(options.device), cells=(_cell(ablation, name),))
        for name in counts
    ]
    drawn = Counted(planned, counts, random.Random(options.seed))
    return execute(replace(ablation, plan=tuple(planned)), progress, executor_of=Planting, rounds_of=lambda _: drawn)


def prepared(options: Options) -> Ablation:
    """What all rounds have in common, checked; nothing is started."""
    return prepare(replace(options, suite=str(SUITE), plugins=(PLANTS,)))


def total(rounds: int) -> int:
    """How many rounds a check has in all."""
    return sum(rounds_of_each(rounds).values())


def rounds_of_each(rounds: int) -> dict[str, int]:
    """How many rounds each combination has; of stock, which its partner is too, so many."""
    return {STOCK: rounds, SLOWER: SLOWER_ROUNDS, GROWS: OTHER_ROUNDS, MISANSWERS: OTHER_ROUNDS}


def partner_of(combination: str) -> str:
    """The process without the plant, which a round is timed against."""
    return STOCK if combination == STOCK else CLEAN


def request_s(ablation: Ablation) -> float:
    """What a request is assumed to take."""
    return ablation.request_s * _OF_BASELINE


def estimate_s(ablation: Ablation, rounds: int) -> float:
    """About how long a check takes; both processes of a round start at once."""
    requests = 2 * len(ablation.examples) * (ablation.suite.measure.passes + 2)  # a warm-up and the evidence
    return total(rounds) * (ASSUMED_START_S + requests * request_s(ablation))


def _cell(ablation: Ablation, combination: str) -> Cell:
    return Cell(combination, "single_stream", "+".join(ablation.suite.texts.datasets), ablation.options.device)


class Counted:
    """So many rounds of each combination, in an order that is drawn."""

    def __init__(self, plan: Sequence[Planned], counts: Mapping[str, int], random_order: random.Random) -> None:
        self._plan, self._counts, self._random = plan, counts, random_order

    def next(self, records: Sequence[Record]) -> tuple[Planned, int, int] | None:
        """One of those that are left, each as likely."""
        done = Counter(record.cell.combination for record in records)
        left = [one for one in self._plan for _ in range(self._counts[one.combination] - done[one.combination])]
        if not left:
            return None
        planned = self._random.choice(left)
        return planned, done[planned.combination], len(left)

    def ends(self, _: Sequence[Record]) -> list[End]:
        """All have their rounds."""
        return [End(name, count, "rounds") for name, count in self._counts.items()]


class Planting:
    """Measures a round against the process without the plant."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def reference(self) -> tuple[Reference, dict[str, Any]]:
        """As in every run."""
        return LocalExecutor(self._settings).reference()

    def round(self, planned: Planned, number: int, reference: Reference) -> list[Record]:
        """One round; a wrong answer is planted in another text every time, among all of them."""
        settings = replace(self._settings, partner=partner_of(planned.combination))
        if planned.combination == MISANSWERS:
            beginning = settings.examples[misanswered(reference, number)].text[:_BEGINNING]
            planned = replace(planned, combination=f"{CLEAN}+misanswers(beginning={beginning!r})")
            settings = replace(settings, timed=len(settings.examples), passes=1)
        return LocalExecutor(settings).round(planned, number, reference)


def misanswered(reference: Reference, number: int) -> int:
    """The place of the text whose answer is spoilt in a round: one that has an answer."""
    answered = [place for place, answer in enumerate(reference.answers) if answer]
    return answered[number * len(answered) // OTHER_ROUNDS]
