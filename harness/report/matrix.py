"""Combinations as rows of a matrix with one column for each optimization, as UpSet plots have them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.members import members
from harness.record import can_be_switched_on

LONGEST = 34  # characters of a name that still fits beside a bar
_MOST = 24  # columns that still fit


@dataclass(frozen=True)
class Matrix:
    """Which optimizations each combination has."""

    columns: tuple[str, ...]  # the optimizations, in the order in which they are applied
    rows: tuple[tuple[bool, ...] | None, ...]  # one for each combination; None if it has a name of its own, like stock


def matrix(combinations: Sequence[str]) -> Matrix | None:
    """The matrix of these combinations; None if their names are short enough to be written instead.

    Args:
        combinations: as they are written.
    """
    if all(len(name) <= LONGEST for name in combinations):
        return None
    chosen = [members(name) if can_be_switched_on(name) else None for name in combinations]
    # The longest has most of the order.
    columns = tuple(dict.fromkeys(one for row in sorted(filter(None, chosen), key=len, reverse=True) for one in row))
    if len(columns) > _MOST:
        return None
    return Matrix(columns, tuple(None if row is None else tuple(one in row for one in columns) for row in chosen))
