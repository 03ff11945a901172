"""All optimizations, and all but each one."""

from __future__ import annotations

from harness.plan.suite import Combinations

DESCRIPTION = "all optimizations, and all but each one"


def subsets(wanted: Combinations) -> list[tuple[int, ...]]:
    """One more than there are optimizations."""
    every = range(len(wanted.optimizations))
    return [tuple(every), *(tuple(other for other in every if other != place) for place in every)]
