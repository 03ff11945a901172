"""Ratios to stock and to the baseline."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from harness.analyse.stats import NOISE, divided, estimate, spreads
from harness.record import BASELINE
from simulation.study import Result, counted
from simulation.world import World

# A run as `claims` is: 4 rounds of cells that pad, and of such that do not. The first is the baseline; the others lie
# at the edge of what counts as no difference, from it or from stock.
ROUNDS = 4
_PADDED = math.log(6.5)
_EDGES = (math.log(1 - NOISE), math.log(1 + NOISE))
MEANS = {
    BASELINE: _PADDED,
    **{f"padded {number}": _PADDED + _EDGES[number % 2] for number in range(11)},
    **{f"unpadded {number}": _EDGES[number % 2] for number in range(10)},
}


def study(world: World, rng: np.random.Generator, trials: int) -> Iterator[Result]:
    """Of one padded and one unpadded cell a run, each at an edge, where a verdict for its own side is false."""
    drawn = world.log_ratios(rng, list(MEANS.values()), ROUNDS, trials)
    hits: dict[str, list[bool]] = {"time / stock": [], "time / stock, padded": [], "time / baseline, padded": []}
    false: dict[str, list[bool]] = {"time / stock": [], "time / baseline, padded": []}
    for number, run in enumerate(drawn):
        rounds = dict(zip(MEANS, run.tolist(), strict=True))
        found = spreads(rounds)
        one, padded = f"unpadded {number % 10}", f"padded {number % 11}"
        alone = estimate(rounds[one], found.of(one))
        far = estimate(rounds[padded], found.of(padded))
        against = divided(rounds[padded], found.of(padded), rounds[BASELINE], found.of(BASELINE))
        hits["time / stock"].append(alone.low <= math.exp(MEANS[one]) <= alone.high)
        hits["time / stock, padded"].append(far.low <= math.exp(MEANS[padded]) <= far.high)
        truth = math.exp(MEANS[padded] - _PADDED)
        hits["time / baseline, padded"].append(against.low <= truth <= against.high)
        false["time / stock"].append(alone.verdict in ("faster", "slower"))
        false["time / baseline, padded"].append(against.verdict in ("faster", "slower"))
    for name, covered in hits.items():
        yield Result(world.name, name, counted(covered), counted(false[name]) if name in false else None)
