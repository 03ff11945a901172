"""The sentence "Switch on X": its interval, its value, and whom it calls slower."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

import numpy as np

from harness.analyse.rows import Tried
from harness.analyse.stats import spreads
from harness.analyse.winner import contenders, indistinguishable, named, tried
from simulation.study import Result, counted
from simulation.world import World

CONFIRM = 4  # rounds, as the built-in suites have


@dataclass(frozen=True)
class Suite:
    """True ratios to stock, and the ordinary rounds of each."""

    true: tuple[float, ...]
    rounds: int
    costs: int  # as many trials fewer: many combinations take long


# As `full` is, with nothing to choose between its combinations, and as `claims` is, with much.
SUITES = {"64 alike": Suite((0.85,) * 64, 2, 10), "7 unlike": Suite((0.8, 0.82, 0.85, 0.9, 1.0, 1.1, 1.2), 4, 1)}


@dataclass
class Said:
    """What the sentences of many runs came to."""

    covered: list[bool] = field(default_factory=list)  # the interval holds the true ratio
    off: list[float] = field(default_factory=list)  # the log ratio that is named, less the true one
    wrongly_slower: list[bool] = field(default_factory=list)  # a rival is left out that is not slower


def study(world: World, rng: np.random.Generator, trials: int) -> Iterator[Result]:
    """With confirming rounds and without; a false verdict here is a rival that is called slower, and is not."""
    for name, suite in SUITES.items():
        for confirm in (CONFIRM, 0):
            said = sentences(world, suite, confirm, rng, max(trials // suite.costs, 1))
            how = "confirmed" if confirm else "not confirmed"
            yield Result(world.name, f"winner of {name}, {how}", counted(said.covered), counted(said.wrongly_slower))


def sentences(world: World, suite: Suite, confirm: int, rng: np.random.Generator, trials: int) -> Said:
    """Make runs and read what they say; one that names nothing says nothing."""
    true = {f"o{place}": math.log(ratio) for place, ratio in enumerate(suite.true)}
    drawn = world.log_ratios(rng, list(true.values()), suite.rounds + confirm, trials)
    said = Said()
    for run in drawn.tolist():
        runs = _tried(dict(zip(true, run, strict=True)), suite.rounds)
        quoted = named(runs)
        ranked = sorted(runs, key=lambda name: fmean(runs[name].ordinary.values))
        best = next((name for name in ranked if quoted[name].verdict == "faster"), None)
        if best is None:
            continue
        said.covered.append(quoted[best].low <= math.exp(true[best]) <= quoted[best].high)
        said.off.append(math.log(quoted[best].value) - true[best])
        slower = runs.keys() - {best, *indistinguishable(best, ranked, runs)}
        said.wrongly_slower.append(any(true[name] <= true[best] for name in slower))
    return said


def _tried(run: Mapping[str, Sequence[float]], ordinary: int) -> dict[str, Tried]:
    """The ordinary rounds of all, and those after them of the contenders."""
    before = {name: values[:ordinary] for name, values in run.items()}
    chosen = contenders(dict.fromkeys(run, True), before, [])
    after = {name: run[name][ordinary:] for name in chosen if run[name][ordinary:]}
    return tried(before, spreads(before), after)
