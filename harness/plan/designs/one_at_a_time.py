"""Each optimization alone."""

from __future__ import annotations

from harness.plan.suite import Combinations

DESCRIPTION = "each optimization alone"


def subsets(wanted: Combinations) -> list[tuple[int, ...]]:
    """As many as there are optimizations."""
    return [(place,) for place in range(len(wanted.optimizations))]
