"""What each optimization brings."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations

import numpy as np

from harness.analyse.effects import effects
from harness.analyse.stats import NOISE, spreads
from simulation.study import Result, counted
from simulation.world import World

# As `full` is, with half as many optimizations: all combinations, two rounds each. One of them takes the padding away.
ROUNDS = 2
GAINS = {"a": math.log(1 - NOISE), "b": -0.1, "c": 0.0, "unpadded": -1.8}
_BASELINE, _PAIR = 1.88, 0.1  # of the baseline; of `b` beside `c`
CELLS = [frozenset(chosen) for size in range(len(GAINS) + 1) for chosen in combinations(GAINS, size)]
TRUTHS = {"main": GAINS["a"], "pair": _PAIR, "share": GAINS["b"] + _PAIR / 2}


def _mean(cell: frozenset[str]) -> float:
    return _BASELINE + sum(GAINS[name] for name in cell) + _PAIR * ({"b", "c"} <= cell)


def study(world: World, rng: np.random.Generator, trials: int) -> Iterator[Result]:
    """A main effect that lies at the edge, an interaction and a share."""
    hits: dict[str, list[bool]] = {name: [] for name in TRUTHS}
    false: list[bool] = []
    for run in world.log_ratios(rng, [_mean(cell) for cell in CELLS], ROUNDS, trials):
        cells = dict(zip(CELLS, run.tolist(), strict=True))
        by_name = spreads({"+".join(sorted(cell)): values for cell, values in cells.items()}).cells
        found = effects(cells, dict(zip(CELLS, by_name.values(), strict=True)))
        for name, one in (("main", found.main["a"]), ("pair", found.together["b", "c"]), ("share", found.shapley["b"])):
            hits[name].append(one.low <= math.exp(TRUTHS[name]) <= one.high)
        false.append(found.main["a"].verdict in ("faster", "slower"))
    yield Result(world.name, "effect, main", counted(hits["main"]), counted(false))
    yield Result(world.name, "effect, pair", counted(hits["pair"]))
    yield Result(world.name, "effect, share", counted(hits["share"]))
