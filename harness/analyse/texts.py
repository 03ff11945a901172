"""The log ratios of a round for each text, for the total time, and for the P95 over texts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean, variance

from harness.analyse.percentiles import P95
from harness.analyse.stats import Spread

FEWEST_TEXTS = 14  # with fewer, a median-unbiased P95 is the time of the slowest text
# The degrees of freedom of the texts' common variance, beside those of a text's own variance. Source: the variances of
# 24 texts of one combination differ more than by chance (Smyth's method of moments): 14, 9 and 8 degrees on two cores
# (the runs claims, quick and full).
PRIOR_DEGREES = 8


def text_log_ratios(own: Sequence[Sequence[int]], partner: Sequence[Sequence[int]]) -> list[float]:
    """The log ratio of times of each text in one round, from the means of logarithms over its passes.

    Args:
        own: passes x texts, in nanoseconds.
        partner: likewise, the same texts.
    """
    return [ours - theirs for ours, theirs in zip(_of_texts(own), _of_texts(partner), strict=True)]


def total_log_ratio(own: Sequence[Sequence[int]], partner: Sequence[Sequence[int]]) -> float:
    """The log ratio of the total times of all texts in one round, so that slow texts weigh more."""
    return math.log(sum(map(sum, own)) / sum(map(sum, partner)))


def p95_log_ratio(own: Sequence[Sequence[int]], partner: Sequence[Sequence[int]]) -> float | None:
    """The log ratio of the P95 over texts in one round; None if there are too few texts.

    The passes of each text are averaged first. The percentile lies between two texts, so that the slowest text changes
    it smoothly. Source: Hyndman and Fan, Sample Quantiles in Statistical Packages (1996), definition 8.
    """
    if len(own[0]) < FEWEST_TEXTS:
        return None
    import numpy as np

    ours, theirs = (np.quantile(_of_texts(side), P95, method="median_unbiased") for side in (own, partner))
    return float(ours - theirs)


def _of_texts(passes: Sequence[Sequence[int]]) -> list[float]:
    return [fmean(map(math.log, times)) for times in zip(*passes, strict=True)]


def text_spreads(rounds: Mapping[str, Sequence[float]], assumed_sd: float) -> dict[str, Spread]:
    """The spread of each text's log ratio between rounds, with its variance shrunk towards the mean over all texts.

    Source: Smyth, Linear Models and Empirical Bayes Methods (2004).

    Args:
        rounds: the log ratios of each text, at least two.
        assumed_sd: of the log ratio over all texts. A single text is assumed to vary at least as much.
    """
    own = {text: variance(values) for text, values in rounds.items()}
    common = max(fmean(own.values()), assumed_sd**2)
    found = {}
    for text, values in rounds.items():
        degrees = len(values) - 1
        moderated = (PRIOR_DEGREES * common + degrees * own[text]) / (PRIOR_DEGREES + degrees)
        found[text] = Spread(math.sqrt(moderated), PRIOR_DEGREES + degrees)
    return found
