"""All combinations of the optimizations."""

from __future__ import annotations

from itertools import combinations

from harness.plan.suite import Combinations

DESCRIPTION = "all combinations of the optimizations"


def free(wanted: Combinations) -> int:
    """All are switched freely."""
    return len(wanted.optimizations)


def subsets(wanted: Combinations) -> list[tuple[int, ...]]:
    """The smaller ones first; the empty one is the baseline."""
    every = range(len(wanted.optimizations))
    return [subset for size in range(1, len(every) + 1) for subset in combinations(every, size)]
