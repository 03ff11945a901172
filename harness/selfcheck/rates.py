"""How often a verdict would be false, and how often a plant would be found, over runs drawn from recorded rounds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import TYPE_CHECKING

from harness.analyse.rates import Rate
from harness.analyse.stats import ALPHA, NOISE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RUNS = 1000  # drawn from the recorded rounds for one rate
RESAMPLES = 200  # of the recorded rounds, for a rate's interval
_SEED = 0
_ALARM = 0.01  # of a clean round, that its memory is taken for grown


@dataclass(frozen=True)
class Deviation:
    """The sd of log ratios between rounds, with its 95 % interval."""

    value: float
    low: float
    high: float
    rounds: int


def deviation(rounds: Sequence[float]) -> Deviation:
    """The sd of recorded rounds; its interval is that of a normal distribution's."""
    import numpy as np
    from scipy.stats import chi2

    sd, degrees = float(np.std(rounds, ddof=1)), len(rounds) - 1
    low, high = (sd * math.sqrt(degrees / chi2.ppf(share, degrees)) for share in (1 - ALPHA / 2, ALPHA / 2))
    return Deviation(sd, float(low), float(high), len(rounds))


def called_slower(rounds: Sequence[float], of: int, sd: float) -> Rate:
    """How often a run of so many of these rounds would be called slower.

    Args:
        rounds: recorded log ratios.
        of: rounds of a run.
        sd: of a log ratio between rounds, as a run on this machine would take it.
    """
    return _rate(rounds, of, sd, (1,))


def called_different(rounds: Sequence[float], of: int, sd: float) -> Rate:
    """How often a run of so many of these rounds would be called faster or slower; as :func:`called_slower`."""
    return _rate(rounds, of, sd, (1, -1))


def resolved(rounds: Sequence[float], of: int, sd: float, found: float = 0.95) -> float | None:
    """The least slowdown, of whole per cent up to 50, that so many rounds find that often; None where none is."""
    for percent in range(1, 51):
        shifted = [ratio + math.log(1 + percent / 100) for ratio in rounds]
        if called_slower(shifted, of, sd).value >= found:
            return percent / 100
    return None


def _rate(rounds: Sequence[float], of: int, sd: float, signs: Sequence[int]) -> Rate:
    import numpy as np
    from scipy.stats import norm

    # A verdict's rule, solved for the mean: the whole interval lies beyond the noise.
    error = float(norm.ppf(1 - ALPHA / 2)) * sd / math.sqrt(of)
    edges = {1: math.log(1 + NOISE) + error, -1: -math.log(1 - NOISE) + error}
    rng = np.random.default_rng(_SEED)

    def share(recorded: NDArray[np.float64]) -> float:
        means = recorded[rng.integers(len(recorded), size=(RUNS, of))].mean(axis=1)
        return float(np.mean(np.any([sign * means > edges[sign] for sign in signs], axis=0)))

    every = np.array(rounds)
    again = [share(rng.choice(every, size=len(every))) for _ in range(RESAMPLES)]
    low, high = np.quantile(again, [ALPHA / 2, 1 - ALPHA / 2])
    return Rate(share(every), float(low), float(high))


def grown(peak_bytes: int, clean_bytes: Sequence[int]) -> bool:
    """Whether a peak of memory lies above what one more clean round would show in 99 of 100 cases.

    Source: the one-sided prediction interval of a normal sample (Hahn and Meeker, Statistical Intervals, 1991).
    """
    from scipy.stats import t

    count = len(clean_bytes)
    reach = float(t.ppf(1 - _ALARM, count - 1)) * stdev(clean_bytes) * math.sqrt(1 + 1 / count)
    return peak_bytes > fmean(clean_bytes) + reach
