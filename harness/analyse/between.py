"""How much the ratios of a combination differ between repeated runs, beyond what their rounds explain."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import fmean

from harness.analyse.stats import Prior, spreads

# Of log ratios to stock on one machine, beyond what their rounds explain. Source: combinations that several published
# runs measured with the same texts (reports/cpu): 10 that compute as much as stock and 8 that pad, with 21 degrees of
# freedom; for rates 7 and 3. Padded combinations differ more, as they do between rounds.
PUBLISHED = Prior(sd=0.0185, growth=0.45, degrees=10.0)
PUBLISHED_RATES = Prior(sd=0.063, growth=0.6, degrees=5.0)
Ratios = Mapping[str, Sequence[float]]  # of a run: each combination's log ratios, one a round


def between(kept: Sequence[Sequence[Ratios]], prior: Prior = PUBLISHED) -> Prior:
    """The sd of a combination's ratio between repeated runs, shrunk to the sd of the published runs.

    All combinations of a run may be off together. So each further run adds only one degree of freedom, however many
    combinations it has.

    Args:
        kept: groups of repeated runs.
        prior: of the published runs; the result if there are no groups.
    """
    squares, degrees = 0.0, 0
    for runs in kept:
        if len(runs) > 1:
            squares += max(0.0, _excess(runs, prior)) * (len(runs) - 1)
            degrees += len(runs) - 1
    all_degrees = prior.degrees + degrees
    sd = prior.sd * math.sqrt((prior.degrees + squares) / all_degrees)
    return replace(prior, sd=sd, degrees=all_degrees)


def _excess(runs: Sequence[Ratios], prior: Prior) -> float:
    """The variance between runs divided by the prior's, averaged over combinations, minus what their rounds explain."""
    found: dict[str, list[tuple[float, float]]] = {}
    for run in runs:
        spread = spreads(run)
        for name, rounds in run.items():
            found.setdefault(name, []).append((fmean(rounds), spread.of(name).sd ** 2 / len(rounds)))
    squares, degrees = 0.0, 0
    for of_cell in found.values():
        middle = fmean(mean for mean, _ in of_cell)
        explained = fmean(variance for _, variance in of_cell)
        lying = math.fsum((mean - middle) ** 2 for mean, _ in of_cell) - explained * (len(of_cell) - 1)
        squares += lying / prior.at(middle).sd ** 2
        degrees += len(of_cell) - 1
    return squares / degrees if degrees else 0.0
