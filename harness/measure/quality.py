"""Whether two answers to a text are the same, span by span."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.record import Chains, Item, Mark

Prefix = tuple[tuple[str, int, int], ...]  # a node of the answer: the (type, start, end) of each item down to it


def is_tie(expected: Chains, got: Chains, expected_marks: Sequence[Mark], got_marks: Sequence[Mark]) -> bool:
    """Whether two answers differ by rounding alone.

    Both are walked depth-first to the first span that only one of them has. They are a tie where that span was decided
    by a logit within 1e-4 of the threshold: where both runs hold a mark of its path and type that touches it.
    """
    ours, theirs = list(dict.fromkeys(_prefixes(expected))), list(dict.fromkeys(_prefixes(got)))
    firsts = [_first_missing(ours, theirs), _first_missing(theirs, ours)]
    found = [first for first in firsts if first is not None]
    if not found:
        return False  # the same spans in another order, or another number of times
    earliest = min(place for place, _ in found)
    return all(
        _touched(prefix, marks) for place, prefix in found if place == earliest for marks in (expected_marks, got_marks)
    )


def _prefixes(chains: Chains) -> Iterator[Prefix]:
    for chain in chains:
        path = tuple(_key(item) for item in chain)
        yield from (path[:depth] for depth in range(1, len(path) + 1))


def _key(item: Item) -> tuple[str, int, int]:
    return item["type"], item["offset"][0], item["offset"][1]


def _first_missing(nodes: Sequence[Prefix], others: Sequence[Prefix]) -> tuple[int, Prefix] | None:
    """The first node that the others lack, and how many nodes before it both have."""
    known = set(others)
    return next(((i, node) for i, node in enumerate(nodes) if node not in known), None)


def _touched(prefix: Prefix, marks: Sequence[Mark]) -> bool:
    *path, (type_, start, end) = prefix
    return any(
        mark["type"] == type_
        and [_key(item) for item in mark["path"]] == path
        and mark["offset"][0] < end
        and start < mark["offset"][1]
        for mark in marks
    )
