"""Optimizations folded over a starting extractor, in stage order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, cast

from harness.baseline.extractor import Extractor
from harness.baseline.loading import LoadPlan
from harness.errors import UnavailableError
from harness.plugin import Optimization, Stage, noted

_Subject = TypeVar("_Subject", Extractor, LoadPlan)
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
        UnavailableError: an optimization, of any stage, cannot run on the device that the model comes up on.
    """
    for optimization, parameters in _in_order(chosen):
        with noted(f"in the `unavailable` of {optimization.name}"):
            reason = optimization.unavailable(plan.device)  # where those before it have put the model
        if reason:
            raise UnavailableError(f"{optimization.name}: {reason}")
        if optimization.stage is Stage.LOAD:
            plan = _applied(optimization, plan, parameters)
    return plan


def optimized(extractor: Extractor, chosen: Sequence[Applied]) -> Extractor:
    """The extractor with the optimizations of all other stages."""
    for optimization, parameters in _in_order(chosen):
        if optimization.stage is not Stage.LOAD:
            extractor = _applied(optimization, extractor, parameters)
    return extractor


def _applied(optimization: Optimization[Any], subject: _Subject, parameters: Mapping[str, Any]) -> _Subject:
    with noted(f"when {optimization.name} was applied"):
        found = optimization.apply(subject, **parameters)
        wanted = LoadPlan if optimization.stage is Stage.LOAD else Extractor
        if not isinstance(found, wanted):
            raise TypeError(f"it returned {type(found).__name__}, not the {wanted.__name__} that the stage is about")
    return cast("_Subject", found)


def _in_order(chosen: Sequence[Applied]) -> list[Applied]:
    return sorted(chosen, key=lambda applied: (applied[0].stage, applied[0].name))
