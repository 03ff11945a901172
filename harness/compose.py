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
    return optimized(planned(plan, chosen).load(), chosen)


def planned(plan: LoadPlan, chosen: Sequence[Applied]) -> LoadPlan:
    """How the starting extractor comes up with the optimizations of the stage LOAD.

    Raises:
        UnavailableError: an optimization, of any stage, cannot run on the plan's device.
    """
    for optimization, _ in _in_order(chosen):
        if reason := optimization.unavailable(plan.device):
            raise UnavailableError(f"{optimization.name}: {reason}")
    for optimization, parameters in _in_order(chosen):
        if optimization.stage is Stage.LOAD:
            plan = optimization.apply(plan, **parameters)
    return plan


def optimized(extractor: Extractor, chosen: Sequence[Applied]) -> Extractor:
    """The extractor with the optimizations of all other stages."""
    for optimization, parameters in _in_order(chosen):
        if optimization.stage is not Stage.LOAD:
            extractor = optimization.apply(extractor, **parameters)
    return extractor


def _in_order(chosen: Sequence[Applied]) -> list[Applied]:
    return sorted(chosen, key=lambda applied: (applied[0].stage, applied[0].name))
