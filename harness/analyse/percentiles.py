"""Percentiles of requests, with intervals for texts like those that were timed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from harness.analyse.stats import ALPHA

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

P50, P90, P95, P99 = 0.5, 0.9, 0.95, 0.99
# The smallest n for which P(Binomial(n, 1 - q) <= 1) <= 0.05, as in MLPerf's early stopping: with fewer samples, it is
# too likely that at most one lies above the percentile. A value needs n requests, an interval n distinct texts.
FEWEST_SAMPLES = {P50: 8, P90: 46, P95: 93, P99: 473}
FEWEST_ROUNDS = 4  # with one or two rounds, the spread between processes is not known


@dataclass(frozen=True)
class Percentile:
    """A percentile of requests, in nanoseconds. An end of its interval is None if too little is known."""

    value: float
    low: float | None = None
    high: float | None = None
    lacks: str | None = None  # what an interval with both ends needs
    of_rounds: tuple[float, ...] = ()  # the percentile of each round's own requests


def percentiles(rounds: Sequence[Sequence[Sequence[int]]]) -> dict[float, Percentile | None]:
    """The percentiles of all requests (nearest rank) with 95 % intervals, or None if there are too few.

    The requests of one text belong together, and so do those of one round. The texts are a sample of similar texts.
    Their order bounds the percentile with hardly any assumption about the distribution of times. The variation between
    processes is Student's interval over rounds, each with its own percentile. Both are combined on logarithms.

    Source: Nyblom, Note on Interpolated Order Statistics (1992); Zou and Donner, Construction of Confidence Limits
    about Effect Measures (2008).

    Args:
        rounds: rounds x passes x texts, in nanoseconds. The texts are distinct. Rounds may differ in their passes.
    """
    import numpy as np

    times = [np.array(one, dtype=np.int64) for one in rounds]  # (passes, texts) each
    count = sum(one.size for one in times)
    return {share: _percentile(times, share) if count >= fewest else None for share, fewest in FEWEST_SAMPLES.items()}


def percentile(samples: Sequence[float], share: float) -> float | None:
    """A percentile of samples (nearest rank), or None if there are too few."""
    if len(samples) < FEWEST_SAMPLES[share]:
        return None
    import numpy as np

    return float(np.quantile(samples, share, method="inverted_cdf"))


def lacking(share: float, rounds: int, texts: int) -> str | None:
    """What is missing for the interval of a percentile; None if nothing is."""
    needed = ((FEWEST_ROUNDS, rounds, "rounds"), (FEWEST_SAMPLES[share], texts, "distinct texts"))
    return " and ".join(f"{fewest} {what} (not {there})" for fewest, there, what in needed if there < fewest) or None


def _percentile(times: Sequence[NDArray[np.int64]], share: float) -> Percentile:
    import numpy as np

    every = np.concatenate(times)  # (passes of all rounds, texts)
    rounds, texts = len(times), every.shape[1]
    of_rounds = np.array([np.quantile(one, share, method="inverted_cdf") for one in times])
    value = float(np.quantile(every, share, method="inverted_cdf"))
    lacks = lacking(share, rounds, texts)
    low = high = None
    if rounds >= FEWEST_ROUNDS:
        processes = _half_width(np.log(of_rounds))
        ordered = np.sort(np.log(every).mean(axis=0))
        first, last = _end(ordered, share), _end(-ordered[::-1], 1 - share)
        low = None if first is None else value * math.exp(-_reach(math.log(value) - first, processes))
        high = None if lacks or last is None else value * math.exp(_reach(-last - math.log(value), processes))
    return Percentile(value, low, high, lacks, tuple(map(float, of_rounds)))


def _reach(texts: float, processes: float) -> float:
    """The distance of an end from the value, from the variation over texts and the variation over processes."""
    return math.hypot(max(texts, 0.0), processes)


def _end(ordered: NDArray[np.float64], share: float) -> float | None:
    """The low end of the interval of a percentile over texts, between two texts in order; None if no text is below."""
    ends = _between(len(ordered), share)
    if ends is None:
        return None
    rank, weight = ends
    low, high = ordered[rank - 1], ordered[min(rank, len(ordered) - 1)]
    return float(low + weight * (high - low))


@cache
def _between(texts: int, share: float) -> tuple[int, float] | None:
    """The rank of the text below the low end, and the end's place on the way to the next text; None if there is none.

    The percentile lies above the text of rank k exactly if at least k texts lie below the percentile.
    """
    from scipy.stats import binom

    rank = int(binom.ppf(ALPHA / 2, texts, share))  # the greatest with P(at least so many) >= 97.5 %
    if rank < 1:
        return None
    surely, not_quite = (float(binom.sf(k - 1, texts, share)) for k in (rank, rank + 1))
    beyond = surely - (1 - ALPHA / 2)
    if rank >= texts or beyond <= 0:
        return rank, 0.0
    odds = rank * (1 - share) * (1 - ALPHA / 2 - not_quite) / ((texts - rank) * share * beyond)
    return rank, 1 / (1 + odds)


def _half_width(logs: NDArray[np.float64]) -> float:
    from scipy.stats import t

    count = len(logs)
    return float(t.ppf(1 - ALPHA / 2, count - 1) * logs.std(ddof=1)) / math.sqrt(count)
