"""What a run's rounds show beside their mean, each sign with how likely chance alone puts it beyond its limit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev
from typing import TYPE_CHECKING

from harness.analyse.compare import assumed_sd
from harness.analyse.shifts import Shift
from harness.analyse.stats import ALPHA, NOISE
from harness.analyse.texts import text_log_ratios, text_spreads
from harness.record import SingleStream

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BIAS = 0.01  # identical processes, and each class of texts in them, may differ by this on average
# Of the log ratio between rounds: with so much, the interval of a run of 8 rounds still fits within the 3 % of a
# verdict; it reaches 2.36 / sqrt(8) of this, by Student's t.
SPREAD = 0.035
DRIFT = 0.02  # over a round; its passes are few, and the slope through them is less certain than their mean
SLOW = 2.0  # times the median of its text: a slow request
SLOW_SHARE = 0.01  # of requests that may be slow beside those of the partner: fewer do not move a P95
# Of memory, a timed request: 4 KiB are a page, and four gigabytes after a million requests.
LEAK_BYTES = 4096
CLASSES = ("short", "middle", "long")  # a third of the texts each, by the time they take
# A third of the texts varies by the root of three more than all of them do, if texts vary by themselves.
CLASS_SPREAD = SPREAD * math.sqrt(len(CLASSES))

Rounds = Sequence[SingleStream]


@dataclass(frozen=True)
class Sign:
    """A figure with its 95 % interval, and how likely it is as far out as this where the truth lies at its limit."""

    value: float
    low: float
    high: float
    p: float

    @property
    def seen(self) -> bool:
        """Whether the whole interval lies beyond the limit."""
        return self.p < ALPHA / 2


def bias(rounds: Rounds) -> Sign:
    """The mean log ratio."""
    return around([float(one.mean()) for one in _ratios(rounds)], math.log1p(BIAS))


def spread(rounds: Rounds) -> Sign:
    """The sd of log ratios between rounds."""
    return deviation([float(one.mean()) for one in _ratios(rounds)], SPREAD)


def of_classes(rounds: Rounds) -> dict[str, tuple[Sign, Sign]]:
    """The mean log ratio of short, middle and long texts, and its sd between rounds."""
    logs = _ratios(rounds)
    found = {}
    for name, places in zip(CLASSES, _by_time(rounds), strict=True):
        of_class = [float(one[:, places].mean()) for one in logs]
        found[name] = around(of_class, math.log1p(BIAS)), deviation(of_class, CLASS_SPREAD)
    return found


def of_any_class(rounds: Rounds) -> Sign:
    """The mean log ratio of the class of texts that is the farthest from 1, judged as one of three."""
    return _farthest([mean for mean, _ in of_classes(rounds).values()])


def drift(rounds: Rounds) -> Sign:
    """By how much the log ratio grows over the passes of a round, by the line through them."""
    return around([_growth(one.mean(axis=1)) for one in _ratios(rounds)], math.log1p(DRIFT))


def texts(rounds: Rounds) -> Sign:
    """The log ratio of the text that is the most surely slow, judged as one of so many, as a gate's screen does."""
    edge = math.log1p(NOISE)
    by_round = [text_log_ratios(one.own_ns, one.partner_ns) for one in rounds]
    by_text = {str(place): values for place, values in enumerate(zip(*by_round, strict=True))}
    shifts = [
        Shift(fmean(by_text[text]), found.sd / math.sqrt(len(rounds)), found.degrees, ALPHA / 2 / len(by_text))
        for text, found in text_spreads(by_text, assumed_sd({})).items()
    ]
    surest = max(shifts, key=lambda one: (one.mean - edge) / one.error)  # all have as many degrees of freedom
    return Sign(surest.mean, surest.low, surest.high, min(1.0, len(shifts) * surest.p_above(edge)))


def slow_requests(rounds: Rounds) -> Sign:
    """By how much more of the combination's requests are slow than of its partner's.

    Each slow request is as likely one of either, if the two are alike; a moment that slows the machine meets both.
    Source: the exact conditional test of two rates (Przyborowski and Wilenski, 1940).
    """
    import numpy as np
    from scipy.stats import binom

    differences: list[float] = []
    of_ours = of_both = 0
    for both in _logs(rounds):
        usual = np.median(np.concatenate(both), axis=0)
        ours, theirs = (one - usual > math.log(SLOW) for one in both)
        differences.append(float(ours.mean() - theirs.mean()))
        of_ours, of_both = of_ours + int(ours.sum()), of_both + int(ours.sum()) + int(theirs.sum())
    shares = around(differences, SLOW_SHARE)
    p = float(binom.sf(of_ours - 1, of_both, 0.5)) if shares.value > SLOW_SHARE else 1.0
    return replace(shares, p=p)


def leak(rounds: Rounds) -> Sign:
    """By how many bytes the heap of the combination's process grew with every timed request after the first pass."""
    return around(
        [
            (one.own_heap_bytes[-1] - one.own_heap_bytes[0])
            / (len(one.own_ns[0]) * one.repeats * (len(one.own_heap_bytes) - 1))
            for one in rounds
        ],
        LEAK_BYTES,
        both=False,
    )


def knows_heap(rounds: Rounds) -> bool:
    """Whether the C library told what the heap had in use, after more than one pass."""
    return all(len(one.own_heap_bytes) > 1 for one in rounds)


def around(values: Sequence[float] | NDArray[np.float64], limit: float, *, both: bool = True) -> Sign:
    """The mean of one figure a round with Student's interval, against a limit above 0, and below it too."""
    from scipy.stats import t

    mean, degrees = fmean(values), len(values) - 1
    beyond = (abs(mean) if both else mean) - limit
    error = stdev(values) / math.sqrt(len(values)) if degrees else math.inf
    if error == 0.0:
        return Sign(mean, mean, mean, float(beyond <= 0))
    half = float(t.ppf(1 - ALPHA / 2, degrees)) * error if degrees else math.inf
    return Sign(mean, mean - half, mean + half, float(t.sf(beyond / error, degrees)) if degrees else 1.0)


def deviation(values: Sequence[float] | NDArray[np.float64], limit: float) -> Sign:
    """The sd of one figure a round; its interval is that of a normal distribution's."""
    from scipy.stats import chi2

    sd, degrees = stdev(values), len(values) - 1
    low, high = (sd * math.sqrt(degrees / float(chi2.ppf(share, degrees))) for share in (1 - ALPHA / 2, ALPHA / 2))
    return Sign(sd, low, high, float(chi2.sf(degrees * (sd / limit) ** 2, degrees)))


def _farthest(signs: Sequence[Sign]) -> Sign:
    """Source: Bonferroni, the first step of Holm's method, which says whether there is any but not which ones."""
    farthest = min(signs, key=lambda one: (one.p, -abs(one.value)))
    return replace(farthest, p=min(1.0, farthest.p * len(signs)))


def _growth(by_pass: NDArray[np.float64]) -> float:
    """Over all passes of a round, by the line through them."""
    count = len(by_pass)
    if count < 2:
        return 0.0
    at = [place - (count - 1) / 2 for place in range(count)]
    return float(by_pass @ at) * count / math.fsum(one * one for one in at)


def _logs(rounds: Rounds) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Of the times of the combination and of its partner, of each round: (passes, texts)."""
    import numpy as np

    return [(np.log(one.own_ns), np.log(one.partner_ns)) for one in rounds]


def _ratios(rounds: Rounds) -> list[NDArray[np.float64]]:
    return [ours - theirs for ours, theirs in _logs(rounds)]


def _by_time(rounds: Rounds) -> list[NDArray[np.intp]]:
    """The places of the texts in three classes, those that the partner answers the fastest first."""
    import numpy as np

    theirs = np.concatenate([partner for _, partner in _logs(rounds)])
    return np.array_split(np.argsort(theirs.mean(axis=0)), len(CLASSES))
