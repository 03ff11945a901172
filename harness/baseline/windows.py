"""Sliding windows over a long text, so that no text is lost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Source: the reference pipeline. Text and prompt share BERT's 512 positions, the prompt gets 128 of them.
TEXT_TOKENS = 384
STRIDE = 352
PROMPT_TOKENS = 128


@dataclass(frozen=True)
class Window:
    """A piece of a text's token ids, and where in the text it starts (both in tokens)."""

    ids: tuple[int, ...]
    start: int


def split(ids: tuple[int, ...]) -> tuple[Window, ...]:
    """Cut the ids of one text into windows of at most 384 tokens that overlap by 32."""
    extra = max(0, len(ids) - TEXT_TOKENS)
    count = -(-extra // STRIDE) + 1  # ceil
    return tuple(Window(ids[STRIDE * j : STRIDE * j + TEXT_TOKENS], STRIDE * j) for j in range(count))


def prompt_start(windows: tuple[Window, ...]) -> int:
    """The first position id of the text's prompts: its own token count, or 384 if it takes several windows."""
    return len(windows[0].ids) if len(windows) == 1 else TEXT_TOKENS


def merge(windows: tuple[Window, ...], logits: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Join the windows' logits; where two windows overlap, take the mean.

    Args:
        windows: the windows of one text.
        logits: an array per window; its last axis has at least the window's tokens.

    Returns:
        An array whose last axis is the text's tokens.
    """
    if len(windows) == 1:
        return logits[0][..., : len(windows[0].ids)]
    tokens = windows[-1].start + len(windows[-1].ids)
    total = np.zeros((*logits[0].shape[:-1], tokens), dtype=np.float32)
    count = np.zeros(tokens, dtype=np.float32)
    for window, values in zip(windows, logits, strict=True):
        here = slice(window.start, window.start + len(window.ids))
        total[..., here] += values[..., : len(window.ids)]
        count[here] += 1
    total /= count
    return total
