"""Logits to spans."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

THRESHOLD = 0.5  # on the logit itself: the reference applies no sigmoid

# Logits, or whether each is over the threshold; decoding gives the same result for both.
Scores: TypeAlias = NDArray[Any]


@dataclass(frozen=True, order=True)
class Span:
    """A span by its code-point offsets in the text, end exclusive."""

    start: int
    end: int


def decode(head: Scores, tail: Scores, offsets: NDArray[np.int64]) -> list[Span]:
    """Pair every firing head with the first firing tail at or after it.

    Empty spans (for example from a tail on [SEP]) are dropped after the pairing; the reference returns them, which is a
    bug.

    Args:
        head: logits per token, or whether each is over the threshold. (tokens)
        tail: likewise. (tokens)
        offsets: start and end of each token in the text, (0, 0) for [CLS] and [SEP]. (tokens, 2)

    Returns:
        The spans in order of start and end; a span that is found twice is returned twice.
    """
    heads = np.flatnonzero(head > THRESHOLD)
    tails = np.flatnonzero(tail > THRESHOLD)
    nearest = np.searchsorted(tails, heads)
    paired = nearest < len(tails)
    starts = offsets[heads[paired], 0]
    ends = offsets[tails[nearest[paired]], 1]
    return sorted(Span(int(start), int(end)) for start, end in zip(starts, ends, strict=True) if start < end)
