"""The constants of `harness.analyse.stats` from the published records: `PYTHONPATH=tests python -m simulation.fit`."""

from __future__ import annotations

import math
from statistics import fmean, variance

import numpy as np
from scipy.optimize import minimize
from scipy.stats import f

from harness.analyse.stats import FARTHEST
from simulation.noise import QUANTITIES, cells, noise


def fitted(quantity: str) -> dict[str, float]:
    """How cells' variances follow an F distribution around a level of their run times a growth with the ratio."""
    found = {key: values for key, values in cells(quantity).items() if len(values) > 1}
    runs = sorted({run for run, _ in found})
    sizes = np.array([min(abs(fmean(values)), FARTHEST) for values in found.values()])
    variances = np.array([variance(values) for values in found.values()])
    degrees = np.array([len(values) - 1 for values in found.values()])
    places = np.array([runs.index(run) for run, _ in found])

    def unlikely(at: np.typing.NDArray[np.float64]) -> float:
        growth, alike, *levels = at
        expected = np.exp(2 * growth * sizes + np.array(levels)[places])
        return -float(np.sum(f.logpdf(variances / expected, degrees, np.exp(alike)) - np.log(expected)))

    start = [0.0, math.log(10), *([math.log(float(np.mean(variances)))] * len(runs))]
    best = minimize(unlikely, start, method="Nelder-Mead", options={"maxiter": 20_000, "maxfev": 20_000})
    growth, alike, *levels = best.x
    chance = fmean(2 / degrees[places == place].sum() for place in range(len(runs)))  # of the log of a level
    return {
        "sd, pooled, near stock": noise(quantity).sds[0],
        "growth": growth,
        "cells alike": math.exp(alike),
        "runs alike": 2 / max(variance(levels) - chance, 1e-3),
        "between runs": noise(quantity).between,
    }


if __name__ == "__main__":
    for name in QUANTITIES:
        print(name, {what: float(f"{value:.3g}") for what, value in fitted(name).items()})
