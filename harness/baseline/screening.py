"""Scores prompts with a rounded model first, and again with the exact one if rounding may change the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.baseline.decode import THRESHOLD, Scores
from harness.baseline.forward import Scorer
from harness.baseline.model import SiameseUIE
from harness.baseline.slots import Ask


def _distances(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """The distance of each from the threshold; 0 if it is not finite, since half precision can overflow."""
    return np.where(np.isfinite(logits), np.abs(logits - THRESHOLD), np.float32(0))


@dataclass(frozen=True)
class Screen:
    """The slot ``screen``: a rounded model that scores every prompt first."""

    model: SiameseUIE
    band: float  # logits nearer to the threshold than this are computed again

    def is_unsure(self, logits: NDArray[np.float32]) -> bool:
        """Whether a logit is within the band or not finite."""
        return bool((_distances(logits) < self.band).any())


@dataclass(frozen=True)
class ScreeningScorer:
    """Two scorers as one."""

    screen: Screen
    rounded: Scorer
    exact: Scorer

    def score(self, nodes: Sequence[Sequence[Ask]], *, answers_only: bool = False) -> dict[Ask, Scores]:
        """As :meth:`Scorer.score`: exact logits for prompts with an unsure one, rounded logits for others."""
        logits = self.rounded.score(nodes)
        again = [unsure for node in nodes if (unsure := [ask for ask in node if self.screen.is_unsure(logits[ask])])]
        return logits | self.exact.score(again, answers_only=answers_only) if again else logits


@dataclass(frozen=True)
class Rounding:
    """What rounding does to the logits of a prompt; distances are in logits."""

    error: float  # the largest
    error_nearby: float  # the largest for logits less than 1 from the threshold; 0 if there are none
    nearest: float  # the smallest distance of a rounded logit from the threshold
    farthest_flip: float | None  # the largest distance of one on the wrong side; None if there is none

    @staticmethod
    def of(exact: NDArray[np.float32], rounded: NDArray[np.float32]) -> Rounding:
        """exact, rounded: the logits of a prompt, of the same shape."""
        errors, distances = np.nan_to_num(np.abs(rounded - exact), nan=np.inf), _distances(rounded)
        flipped = (rounded > THRESHOLD) != (exact > THRESHOLD)
        return Rounding(
            float(errors.max()),
            float(errors[distances < 1].max(initial=0.0)),
            float(distances.min()),
            float(distances[flipped].max()) if flipped.any() else None,
        )
