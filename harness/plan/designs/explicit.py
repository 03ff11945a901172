"""No combinations but those that a suite names in `include`."""

from __future__ import annotations

from harness.plan.suite import Combinations

DESCRIPTION = "only the combinations in `include`"


def subsets(_: Combinations) -> list[tuple[int, ...]]:
    """None."""
    return []
