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

# The fewest samples of which all but one lie below the percentile with 95 % confidence, as MLPerf's early stopping
# counts them: P(Binomial(n, 1 - q) <= 1) <= 0.05. So many requests give a value, so many distinct texts an interval.
FEWEST_SAMPLES = {0.5: 8, 0.9: 46, 0.95: 93, 0.99: 473}
FEWEST_ROUNDS = 4  # of one or two rounds the spread between processes is not known


@dataclass(frozen=True)
class Percentile:
    """A percentile of requests, in nanoseconds; an end of its interval is None where too little is known for it."""

    value: float
    low: float | None = None
    high: float | None = None
    lacks: str | None = None  # what an interval with both ends would take
    of_rounds: tuple[float, ...] = ()  # the percentile of each round's own requests


def percentiles(rounds: Sequence[Sequence[Sequence[int]]]) -> dict[float, Percentile | None]:
    """The percentiles of all requests (nearest rank) with 95 % intervals, or None where requests are too few to tell.

    All requests of a text go together, and so do all of a round. Texts are the sample of texts like them, and their
    order bounds the percentile without any assumption on how times are distributed; what processes add is Student's
    interval over rounds, each with a percentile of its own. The two are put together on logarithms.

    Source: Woodruff, Confidence Intervals for Medians and Other Position Measures (1952), with the binomial's ranks;
    Zou and Donner, Construction of Confidence Limits about Effect Measures (2008).

    Args:
        rounds: rounds x passes x texts, in nanoseconds; the texts are distinct.
    """
    import numpy as np

    times = np.array(rounds, dtype=np.int64)  # (rounds, passes, texts)
    return {
        share: _percentile(times, share) if times.size >= fewest else None for share, fewest in FEWEST_SAMPLES.items()
    }


def percentile(samples: Sequence[float], share: float) -> float | None:
    """The sample below which that share of them lies (nearest rank), or None where they are too few to tell."""
    if len(samples) < FEWEST_SAMPLES[share]:
        return None
    return sorted(samples)[math.ceil(share * len(samples)) - 1]


def lacking(share: float, rounds: int, texts: int) -> str | None:
    """What an interval of a percentile takes that is not there; None where nothing is missing."""
    needed = ((FEWEST_ROUNDS, rounds, "rounds"), (FEWEST_SAMPLES[share], texts, "distinct texts"))
    return " and ".join(f"{fewest} {what} (not {there})" for fewest, there, what in needed if there < fewest) or None


def _percentile(times: NDArray[np.int64], share: float) -> Percentile:
    import numpy as np

    rounds, _, texts = times.shape
    of_rounds = np.quantile(times.reshape(rounds, -1), share, axis=1, method="inverted_cdf")
    value = float(np.quantile(times, share, method="inverted_cdf"))
    lacks = lacking(share, rounds, texts)
    low = high = None
    if rounds >= FEWEST_ROUNDS:
        processes = _half_width(np.log(of_rounds))
        first, last = _ranks(texts, share)
        low = value * math.exp(-_reach(times, first, value, -1, processes)) if first > 0 else None
        high = None if lacks else value * math.exp(_reach(times, last, value, 1, processes))
    return Percentile(value, low, high, lacks, tuple(map(float, of_rounds)))


def _reach(times: NDArray[np.int64], rank: int, value: float, side: int, processes: float) -> float:
    """How far an end is from the value: as far as the middle request of the text of this rank, and as processes go."""
    import numpy as np

    text = float(np.quantile(times, (rank - 0.5) / times.shape[-1], method="inverted_cdf"))
    return math.hypot(max(side * math.log(text / value), 0.0), processes)


@cache
def _ranks(texts: int, share: float) -> tuple[int, int]:
    """Of the texts in order, those between which the percentile lies; 0, or one more than there are, where none does.

    Source: Conover, Practical Nonparametric Statistics (1999), section 3.2.
    """
    from scipy.stats import binom

    low = int(binom.ppf(ALPHA / 2, texts, share))  # the least k with P(below or at k) >= 2.5 %
    return low, int(binom.ppf(1 - ALPHA / 2, texts, share)) + 1


def _half_width(logs: NDArray[np.float64]) -> float:
    from scipy.stats import t

    count = len(logs)
    return float(t.ppf(1 - ALPHA / 2, count - 1) * logs.std(ddof=1)) / math.sqrt(count)
