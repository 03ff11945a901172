"""The difference of F1 between two sets of answers, and whether it is shown not to be worse."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from harness.analyse.stats import ALPHA
from harness.record import F1_MARGIN, Score

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Counts: TypeAlias = NDArray[np.int64]

NonInferiority: TypeAlias = Literal["not worse", "worse", "not shown"]
# The share of its F1 that a text with a different answer is assumed to lose, before any such text is seen. With 0.5, a
# loss of twice the margin passes in at most 1 of 20 runs, even if each such text loses all of its F1.
ASSUMED_LOSS = 0.5
SEVERAL = 2  # chains; a text that loses its only chain does not show that whole texts are lost
POINTS = 100  # of F1, in 1
_RESAMPLES, _SEED = 1000, 0


@dataclass(frozen=True)
class ScoreDifference:
    """A difference of two scores (scale 0 to 1) with its 95 % interval, judged against a margin."""

    value: float
    low: float
    high: float
    margin: float = F1_MARGIN  # points of F1, scale 0 to 100
    texts: int | None = None
    fewest_texts: int | None = None  # with fewer, the margin cannot be shown even if no answer differs

    @property
    def verdict(self) -> NonInferiority:
        """``not worse`` or ``worse`` by more than the margin; ``not shown`` if the interval contains the margin.

        Source: Piaggio et al., Reporting of Noninferiority and Equivalence Randomized Trials (2012).
        """
        if POINTS * self.low >= -self.margin:
            return "not worse"
        return "worse" if POINTS * self.high < -self.margin else "not shown"

    @property
    def smallest_margin(self) -> float:
        """The smallest margin, in points, for which the verdict is ``not worse``: minus the low end of the interval."""
        return max(0.0, -POINTS * self.low)

    @property
    def too_few_texts(self) -> bool:
        """Whether there are too few texts to show the margin with any answers."""
        return self.texts is not None and self.fewest_texts is not None and self.texts < self.fewest_texts


def f1_difference(ours: Sequence[Score], theirs: Sequence[Score], margin: float = F1_MARGIN) -> ScoreDifference:
    """The difference of micro-F1, with an interval for similar texts: Student's, on what each text adds to it.

    Few texts differ, or none. So the interval is as wide as if t squared (four) more texts differed, each by as much as
    those that do (root mean square). One text that loses half of its F1 is counted among these. If no text differs,
    this is a rule of four: four of the texts could have differed. A loss that was seen has the upper end of a bootstrap
    of the texts instead, because unseen texts could also have lost more.

    If texts lost all of several chains, any other text with several chains could have been lost instead. So each counts
    with the mean square of all such texts, and this replaces the unseen texts.

    Source: Colin Cameron and Miller, A Practitioner's Guide to Cluster-Robust Inference (2015); Hanley and
    Lippman-Hand, If Nothing Goes Wrong, Is Everything All Right? (1983); Efron and Tibshirani, An Introduction to the
    Bootstrap (1993), chapter 13.

    Args:
        ours: the score of each text.
        theirs: likewise, the same texts.
        margin: the margin of the verdict, in points of F1 (scale 0 to 100).
    """
    import numpy as np

    our_right, their_right = (np.array([one.right for one in scores]) for scores in (ours, theirs))
    our_size, their_size = (np.array([one.found + one.gold for one in scores]) for scores in (ours, theirs))
    texts, size = len(ours), max(int(our_size.sum()), 1)
    their_f1 = 2 * float(their_right.sum()) / max(float(their_size.sum()), 1)
    # What a text adds to the difference; exactly 0 if both have the same counts.
    adds = 2 * (our_right - their_right) - their_f1 * (our_size - their_size)
    value = float(adds.sum() / size)
    squares = (adds - value * our_size) ** 2
    differ = adds != 0
    assumed = ASSUMED_LOSS * their_f1 * math.sqrt(float(np.mean(their_size**2)))
    square_of_one = (assumed**2 + float(np.sum(squares[differ]))) / (1 + int(differ.sum()))
    unseen = _t(texts) ** 2 * square_of_one if texts > 1 else 0.0
    could = their_right >= SEVERAL
    lost = could & (our_right == 0)
    if lost.any():
        squares[lost], unseen = (2 - their_f1) ** 2 * float(np.mean(their_right[could] ** 2.0)), 0.0
    together = float(np.sum(squares)) * texts / max(texts - 1, 1) + unseen
    half = _t(texts) * math.sqrt(together) / size if texts > 1 else 1.0
    return ScoreDifference(
        value,
        max(value - half, -their_f1),
        _highest(our_right, our_size, their_right, their_size) if value < 0 else min(value + half, 1 - their_f1),
        margin,
        texts,
        _fewest(assumed * texts / size, margin),
    )


def _highest(our_right: Counts, our_size: Counts, their_right: Counts, their_size: Counts) -> float:
    """The upper end of a percentile interval. It resamples texts, with both answers of a text together."""
    import numpy as np

    drawn = np.random.default_rng(_SEED).integers(len(our_right), size=(_RESAMPLES, len(our_right)))
    ours, theirs = (
        2 * right[drawn].sum(axis=1) / np.maximum(size[drawn].sum(axis=1), 1)
        for right, size in ((our_right, our_size), (their_right, their_size))
    )
    return float(np.quantile(ours - theirs, 1 - ALPHA / 2))


def _t(texts: int) -> float:
    from scipy.stats import t

    return float(t.ppf(1 - ALPHA / 2, texts - 1))


def _fewest(assumed: float, margin: float) -> int | None:
    """How many texts can show a margin if no answer differs; None if no number can.

    Args:
        assumed: the assumed loss of a text that differs, as a share of the F1 of a single text.
        margin: in points.
    """
    from scipy.stats import norm

    if margin <= 0:
        return None
    texts = max(2, math.ceil(float(norm.ppf(1 - ALPHA / 2)) ** 2 * assumed * POINTS / margin))
    while _t(texts) ** 2 * assumed / texts * POINTS > margin:
        texts += 1
    return texts
