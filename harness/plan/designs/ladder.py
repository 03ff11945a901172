"""One optimization added after the other."""

from __future__ import annotations

from harness.plan.suite import Combinations

DESCRIPTION = "the first, the first two, and so on up to all"


def subsets(wanted: Combinations) -> list[tuple[int, ...]]:
    """As many as there are optimizations."""
    return [tuple(range(place + 1)) for place in range(len(wanted.optimizations))]
