"""Prompts scored with rounded numbers first, and again with exact ones where these may decide otherwise."""

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
    """Of each from the threshold; 0 where one is no number: half precision overflows where fp32 does not."""
    return np.where(np.isfinite(logits), np.abs(logits - THRESHOLD), np.float32(0))


@dataclass(frozen=True)
class Screen:
    """The slot ``screen``: a rounded model that scores every prompt first."""

    model: SiameseUIE
    band: float  # logits that are nearer to the threshold are computed again

    def is_unsure(self, logits: NDArray[np.float32]) -> bool:
        """Whether one is within the band, or no number."""
        return bool((_distances(logits) < self.band).any())


@dataclass(frozen=True)
class ScreeningScorer:
    """Two scorers as one."""

    screen: Screen
    rounded: Scorer
    exact: Scorer

    def score(self, nodes: Sequence[Sequence[Ask]], *, answers_only: bool = False) -> dict[Ask, Scores]:
        """As :meth:`Scorer.score`: exact logits of prompts that have an unsure one, rounded ones of others."""
        logits = self.rounded.score(nodes)
        again = [unsure for node in nodes if (unsure := [ask for ask in node if self.screen.is_unsure(logits[ask])])]
        return logits | self.exact.score(again, answers_only=answers_only) if again else logits


@dataclass(frozen=True)
class Rounding:
    """What rounding does to the logits of a prompt; distances are in logits."""

    error: float  # the largest
    error_nearby: float  # the largest of logits less than 1 from the threshold, where it may decide; 0 without any
    nearest: float  # how near to the threshold a rounded logit is
    farthest_flip: float | None  # how far from it one on the wrong side is at most; None where none is

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
