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
_NAMES = {"unpadded 0": "run / run", "padded 0": "run / run, padded"}


def study(world: World, rng: np.random.Generator, trials: int) -> Iterator[Result]:
    """With what is published of runs alone, and where runs of the same were kept; only where runs shift."""
    if world.name != "run shift":
        return
    runs = [
        world.log_ratios(rng, list(MEANS.values()), ROUNDS, trials, shifts=world.shifts(rng, trials))
        for _ in range(KEPT)
    ]
    for count, how in ((0, ""), (KEPT, f", {KEPT} kept")):
        hits: dict[str, list[bool]] = {name: [] for name in _NAMES}
        false: dict[str, list[bool]] = {name: [] for name in _NAMES}
        for trial in range(trials):
            kept: list[Ratios] = [dict(zip(MEANS, run[trial].tolist(), strict=True)) for run in runs]
            apart, own = between([kept[:count]]), [spreads(run) for run in kept[:2]]
            for name in _NAMES:
                first, second = kept[0][name], [value + _EDGE for value in kept[1][name]]
                found = divided(second, own[1].of(name), first, own[0].of(name), between=apart)
                hits[name].append(found.low <= math.exp(_EDGE) <= found.high)
                false[name].append(found.verdict in ("faster", "slower"))
        for name, what in _NAMES.items():
            yield Result(world.name, what + how, counted(hits[name]), counted(false[name]))
