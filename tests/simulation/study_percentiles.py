"""P50 and P95 of requests, for texts like those that were drawn."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np

from harness.analyse.percentiles import Percentile, percentiles
from simulation.study import Result, counted
from simulation.world import World

ROUNDS, TEXTS, PASSES = (4, 8, 16), (24, 100), 4
SHARES = (0.5, 0.95)
_TRUTH = (100, 1, 20_000)  # rounds, passes and texts from which the true percentile is taken


def study(world: World, rng: np.random.Generator, trials: int) -> Iterator[Result]:
    """Of runs of so many rounds and texts; a percentile that has no interval there is left out."""
    for rounds in ROUNDS:
        for texts in TEXTS:
            yield from one_size(world, rounds, texts, rng, trials)


def one_size(world: World, rounds: int, texts: int, rng: np.random.Generator, trials: int) -> Iterator[Result]:
    """How often the intervals hold the percentile of all requests that there could be."""
    truth = true_percentiles(world)
    found = [percentiles(world.times(rng, rounds, PASSES, texts)[0].tolist()) for _ in range(trials)]
    for share in SHARES:
        known = [one for each in found if (one := each[share]) is not None and one.lacks is None]
        if known:
            hits = counted(_holds(one, truth[share]) for one in known)
            yield Result(world.name, f"P{share * 100:g}, {rounds} rounds x {texts} texts", hits)


@cache
def true_percentiles(world: World) -> dict[float, float]:
    """Of requests of any text in any process."""
    times = world.times(np.random.default_rng(0), *_TRUTH)[0]
    return {share: float(np.quantile(times, share)) for share in SHARES}


def _holds(found: Percentile, truth: float) -> bool:
    assert found.low is not None
    assert found.high is not None
    return found.low <= truth <= found.high
