"""The inputs of forwards while they are still on the host, as integers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from harness.baseline.slots import Row

Numbers: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Batch:
    """Rows of token ids, padded to the same length, on the host."""

    ids: Numbers  # (rows, length), padded with 0
    lengths: Numbers  # (rows)

    @classmethod
    def of(cls, rows: Sequence[tuple[int, ...]], length: int) -> Batch:
        """Rows of at most ``length`` tokens."""
        ids = np.zeros((len(rows), length), dtype=np.int64)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = row
        return cls(ids, np.array([len(row) for row in rows]))

    @property
    def padded(self) -> bool:
        """Whether a row is shorter than the batch."""
        return bool(self.lengths.min() < self.ids.shape[1])


@dataclass(frozen=True, eq=False)
class Chunk:
    """Rows that go through the cross layers in one forward, and their prompts, on the host."""

    rows: Sequence[Row]
    prompts: Batch
    starts: Numbers  # (prompts)
    of_text: Numbers | None  # (rows), from `chosen`
    of_prompt: Numbers | None  # (rows), likewise

    @property
    def numbers(self) -> list[Numbers]:
        """All arrays that the device needs, in the order in which `Scorer` copies them."""
        indices = [one for one in (self.of_text, self.of_prompt) if one is not None]
        return [self.prompts.ids, self.prompts.lengths, self.starts, *indices]


def chosen(places: list[int], count: int) -> Numbers | None:
    """The indices of the rows to take; None if they are all rows in order, or if there is only one row."""
    return None if count == 1 or places == list(range(count)) else np.array(places)
