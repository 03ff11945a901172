"""Answers compared with stock's, if stock is not exact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from harness.analyse.rows import Row
from harness.record import STOCK, Chains


def beside_stock(rows: Sequence[Row], timed: Sequence[str]) -> list[Row]:
    """The rows, each with the texts on which its answer differs from stock's; unchanged if stock is exact.

    Args:
        rows: a run's.
        timed: the texts that every combination answered; some may have answered more.
    """
    stock = next((row for row in rows if row.combination == STOCK and not row.exact), None)
    if stock is None or not stock.texts or (theirs := _otherwise(stock)) is None:
        return list(rows)
    return [replace(row, unlike_stock=_unlike(row, stock, theirs, timed)) for row in rows]


def _unlike(row: Row, stock: Row, theirs: Mapping[str, Chains], timed: Sequence[str]) -> frozenset[str] | None:
    ours = _otherwise(row)
    if ours is None or not row.texts:
        return None
    either = ours.keys() | theirs.keys()
    both = either if row.texts == stock.texts else either.intersection(timed)
    return frozenset(text for text in both if ours.get(text) != theirs.get(text))


def _otherwise(row: Row) -> dict[str, Chains] | None:
    """Its answers that differ from the baseline's; None if the answers were left out."""
    differences = (*row.broken, *row.ties)
    if any(one.expected == one.got for one in differences):
        return None
    return {one.id: one.got for one in differences}
