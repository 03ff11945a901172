"""What a round says of its texts one by one, and of all of them in a row."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean, variance

from harness.analyse.percentiles import P95
from harness.analyse.stats import Spread

FEWEST_TEXTS = 14  # with fewer, a median-unbiased P95 is the slowest text's time
# How many degrees of freedom the texts' common variance is worth beside a text's own. Source: by how much more than
# chance makes them the variances of 24 texts of one combination differ (Smyth's method of moments): 14, 9 and 8 on two
# cores (the runs claims, quick and full).
PRIOR_DEGREES = 8


def text_log_ratios(own: Sequence[Sequence[int]], partner: Sequence[Sequence[int]]) -> list[float]:
    """One round's log ratio of times for each text, from the means of logarithms over its passes.

    Args:
        own: passes x texts, in nanoseconds.
        partner: likewise, the same texts.
    """
    return [ours - theirs for ours, theirs in zip(_of_texts(own), _of_texts(partner), strict=True)]


def total_log_ratio(own: Sequence[Sequence[int]], partner: Sequence[Sequence[int]]) -> float:
    """One round's log ratio of the total times of all texts, so that a text weighs as much as it takes."""
    return math.log(sum(map(sum, own)) / sum(map(sum, partner)))


def p95_log_ratio(own: Sequence[Sequence[int]], partner: Sequence[Sequence[int]]) -> float | None:
    """One round's log ratio of the P95 over texts; None where they are too few for one.

    A text's passes are averaged first, and the percentile lies between two texts: the slowest one moves it smoothly.
    Source: Hyndman and Fan, Sample Quantiles in Statistical Packages (1996), definition 8.
    """
    if len(own[0]) < FEWEST_TEXTS:
        return None
    import numpy as np

    ours, theirs = (np.quantile(_of_texts(side), P95, method="median_unbiased") for side in (own, partner))
    return float(ours - theirs)


def _of_texts(passes: Sequence[Sequence[int]]) -> list[float]:
    return [fmean(map(math.log, times)) for times in zip(*passes, strict=True)]


def text_spreads(rounds: Mapping[str, Sequence[float]], assumed_sd: float) -> dict[str, Spread]:
    """The spread between rounds of each text's log ratio, its variance shrunk towards that of all of them.

    Source: Smyth, Linear Models and Empirical Bayes Methods (2004).

    Args:
        rounds: each text's log ratios, at least two.
        assumed_sd: of the log ratio over all texts; a single text is not taken to vary less than that.
    """
    own = {text: variance(values) for text, values in rounds.items()}
    common = max(fmean(own.values()), assumed_sd**2)
    found = {}
    for text, values in rounds.items():
        degrees = len(values) - 1
        moderated = (PRIOR_DEGREES * common + degrees * own[text]) / (PRIOR_DEGREES + degrees)
        found[text] = Spread(math.sqrt(moderated), PRIOR_DEGREES + degrees)
    return found
