"""Ratios of rates under load to stock's."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from harness.analyse.stats import NOISE, RATE_PRIOR, estimate, spreads
from simulation.study import Result, counted
from simulation.world import World

# As the load of `claims` is: few combinations, most of them padded.
ROUNDS = 4
_EDGE = math.log(1 + NOISE)
MEANS = {"baseline": -1.6, "batching": -1.6, "as published": -0.9, "all": 0.25, "one": _EDGE, "another": -_EDGE}


def study(world: World, rng: np.random.Generator, trials: int) -> Iterator[Result]:
    """Of the one that lies at the edge, and of the baseline."""
    near: list[bool] = []
    far: list[bool] = []
    false: list[bool] = []
    for run in world.log_ratios(rng, list(MEANS.values()), ROUNDS, trials, quantity="QPS"):
        rounds = dict(zip(MEANS, run.tolist(), strict=True))
        found = spreads(rounds, RATE_PRIOR)
        one, baseline = (estimate(rounds[name], found.of(name)) for name in ("one", "baseline"))
        near.append(one.low <= math.exp(_EDGE) <= one.high)
        far.append(baseline.low <= math.exp(MEANS["baseline"]) <= baseline.high)
        false.append(one.verdict in ("faster", "slower"))
    yield Result(world.name, "QPS / stock", counted(near), counted(false))
    yield Result(world.name, "QPS / stock, padded", counted(far))
