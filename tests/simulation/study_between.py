"""Ratios of one run over another's."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from harness.analyse.between import Ratios, between
from harness.analyse.stats import NOISE, divided, spreads
from simulation.study import Result, counted
from simulation.study_ratios import MEANS, ROUNDS
from simulation.world import World

KEPT = 4  # runs of the same, the two that are compared among them
_EDGE = math.log(1 + NOISE)
_NAME = "unpadded 0"


def study(world: World, rng: np.random.Generator, trials: int) -> Iterator[Result]:
    """With what is published of runs alone, and where runs of the same were kept; only where runs shift."""
    if world.name != "run shift":
        return
    runs = [
        world.log_ratios(rng, list(MEANS.values()), ROUNDS, trials, shifts=world.shifts(rng, trials))
        for _ in range(KEPT)
    ]
    for count, what in ((0, "run / run"), (KEPT, f"run / run, {KEPT} kept")):
        hits: list[bool] = []
        false: list[bool] = []
        for trial in range(trials):
            kept: list[Ratios] = [dict(zip(MEANS, run[trial].tolist(), strict=True)) for run in runs]
            first, second = kept[0][_NAME], [value + _EDGE for value in kept[1][_NAME]]
            spread = [spreads(run).of(_NAME) for run in kept[:2]]
            found = divided(second, spread[1], first, spread[0], between=between([kept[:count]]))
            hits.append(found.low <= math.exp(_EDGE) <= found.high)
            false.append(found.verdict in ("faster", "slower"))
        yield Result(world.name, what, counted(hits), counted(false))
