"""What forwards take, on its way to the device: still on the host, as whole numbers."""

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
    """Rows of token ids, padded alike, on the host."""

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
    """Rows that go through the cross layers in one forward, and the prompts that they take, on the host."""

    rows: Sequence[Row]
    prompts: Batch
    starts: Numbers  # (prompts)
    of_text: Numbers | None  # (rows), as `chosen` gives it
    of_prompt: Numbers | None  # (rows), likewise

    @property
    def numbers(self) -> list[Numbers]:
        """All that the device needs of it, in the order in which `Scorer` takes it there."""
        indices = [one for one in (self.of_text, self.of_prompt) if one is not None]
        return [self.prompts.ids, self.prompts.lengths, self.starts, *indices]


def chosen(places: list[int], count: int) -> Numbers | None:
    """The indices of the rows that are taken; None for all in order, or for the only row repeated."""
    return None if count == 1 or places == list(range(count)) else np.array(places)
