"""How far the ratios of a combination lie apart in two runs of the same, beyond what their rounds explain."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean

from harness.analyse.stats import Spread, spreads

# Of log ratios to stock: what combinations that several of the runs `claims`, `demo`, `full` and `quick` measured lie
# apart, on one machine, beyond what their rounds explain (reports/cpu). Ten are in three of them or more.
PUBLISHED = Spread(0.015, degrees=10.0)
Ratios = Mapping[str, Sequence[float]]  # of a run: each combination's log ratios, one a round


def between(kept: Sequence[Sequence[Ratios]], prior: Spread = PUBLISHED) -> Spread:
    """The sd of a combination's ratio between runs of the same, shrunk to that of the published runs.

    A run may lie off with all of its combinations, so that a run more adds one degree of freedom, however many it has.

    Args:
        kept: groups of runs of the same.
        prior: what is taken where there are none.
    """
    squares, degrees = 0.0, 0
    for runs in kept:
        if len(runs) > 1:
            squares += max(0.0, _excess(runs)) * (len(runs) - 1)
            degrees += len(runs) - 1
    all_degrees = prior.degrees + degrees
    return Spread(math.sqrt((prior.degrees * prior.sd**2 + squares) / all_degrees), all_degrees)


def _excess(runs: Sequence[Ratios]) -> float:
    """The variance between runs, on average over their combinations, less what their rounds explain."""
    found: dict[str, list[tuple[float, float]]] = {}
    for run in runs:
        spread = spreads(run)
        for name, rounds in run.items():
            found.setdefault(name, []).append((fmean(rounds), spread.of(name).sd ** 2 / len(rounds)))
    squares, degrees = 0.0, 0
    for of_cell in found.values():
        middle = fmean(mean for mean, _ in of_cell)
        explained = fmean(variance for _, variance in of_cell)
        squares += math.fsum((mean - middle) ** 2 for mean, _ in of_cell) - explained * (len(of_cell) - 1)
        degrees += len(of_cell) - 1
    return squares / degrees if degrees else 0.0
