"""Optimizations folded over a starting extractor, in stage order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.baseline.extractor import Extractor
from harness.baseline.loading import LoadPlan
from harness.errors import UnavailableError
from harness.plugin import Optimization, Stage

Applied = tuple[Optimization[Any], dict[str, Any]]  # with the values of its parameters


def compose(plan: LoadPlan, chosen: Sequence[Applied]) -> Extractor:
    """Load the starting extractor and apply each optimization with its parameters.

    Raises:
        UnavailableError: one of them cannot run on the plan's device.
    """
    in_order = sorted(chosen, key=lambda applied: (applied[0].stage, applied[0].name))
    for optimization, _ in in_order:
        if reason := optimization.unavailable(plan.device):
            raise UnavailableError(f"{optimization.name}: {reason}")
    for optimization, parameters in in_order:
        if optimization.stage is Stage.LOAD:
            plan = optimization.apply(plan, **parameters)
    extractor = plan.load()
    for optimization, parameters in in_order:
        if optimization.stage is not Stage.LOAD:
            extractor = optimization.apply(extractor, **parameters)
    return extractor
