"""What a study is: runs drawn from a world, and how often the product's own functions are right about them."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from harness.analyse.rates import rate
from simulation.world import WORLDS, World

NOMINAL = 0.95
MORE = {"study_ratios": 4, "study_rates": 4, "study_effects": 4}  # as many trials
EDGE = 0.025  # of false verdicts where the truth lies at an edge of the noise


@dataclass(frozen=True)
class Count:
    """How often something happened in independent trials."""

    seen: int
    trials: int

    @property
    def rate(self) -> float:
        """Its share of the trials."""
        return self.seen / self.trials

    def bounds(self, confidence: float = 0.95) -> tuple[float, float]:
        """The rate's Clopper-Pearson interval."""
        found = rate(self.seen, self.trials, confidence)
        return found.low, found.high


@dataclass(frozen=True)
class Result:
    """One line of the table."""

    world: str
    quantity: str
    covered: Count | None = None  # intervals that hold the truth
    false: Count | None = None  # verdicts where the truth lies at an edge of what is no difference


# Given a world, a source of chance and a number of trials. It lives in a module `study_*.py`, as `study`; one that has
# nothing to say of a world gives nothing.
Study: TypeAlias = Callable[[World, np.random.Generator, int], Iterable[Result]]


def studies() -> dict[str, Study]:
    """All that are there, by the name of their file."""
    found = sorted(path.stem for path in Path(__file__).parent.glob("study_*.py"))
    return {name: importlib.import_module(f"simulation.{name}").study for name in found}


def results(trials: int, seed: int = 0, worlds: Sequence[World] = WORLDS) -> Iterator[Result]:
    """Every study in every world; those of ratios, whose runs are soon drawn, with more trials."""
    for place, (name, study) in enumerate(studies().items()):
        for number, world in enumerate(worlds):
            yield from study(world, np.random.default_rng([seed, place, number]), trials * MORE.get(name, 1))


def counted(hits: Iterable[bool]) -> Count:
    """A count of what happened in each trial."""
    every = list(hits)
    return Count(sum(every), len(every))


def table(found: Iterable[Result]) -> list[str]:
    """The lines of a Markdown table."""
    lines = ["| world | quantity | trials | coverage, % | false verdicts at the edge, % |", "|---|---|---|---|---|"]
    for one in found:
        trials = max(count.trials for count in (one.covered, one.false) if count)
        lines.append(f"| {one.world} | {one.quantity} | {trials} | {_shown(one.covered)} | {_shown(one.false)} |")
    return lines


def _shown(count: Count | None) -> str:
    if count is None:
        return "–"
    low, high = (100 * end for end in count.bounds())
    return f"{100 * count.rate:.1f} [{low:.1f}, {high:.1f}]"
