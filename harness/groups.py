"""Sequences cut into consecutive groups."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

_T = TypeVar("_T")


def batched(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    """Consecutive groups of at most ``size`` items."""
    iterator = iter(items)
    while group := list(islice(iterator, size)):
        yield group
