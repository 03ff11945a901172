"""Combinations as people write them: ``flash_attention+dynamic_truncation(multiple=16)``."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Mapping, Sequence
from typing import Any

from harness.errors import SuiteError, unknown
from harness.plugin import Optimization
from harness.record import BASELINE, STOCK

Chosen = tuple[Optimization[Any], dict[str, Any]]  # an optimization with the values of its parameters

_PART = re.compile(r"\s*(?P<name>\w+)\s*(?:\((?P<arguments>[^()]*)\))?\s*")
_HOW = "write NAME+NAME(PARAMETER=VALUE, …), or 'baseline' for none"
_TYPES: dict[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "bool": (bool,), "str": (str,)}


def parse(written: str, registry: Mapping[str, Optimization[Any]]) -> list[Chosen]:
    """Read a combination, in stage order; `baseline` and `stock` hold no optimization.

    Raises:
        SuiteError: it cannot be read, or names an optimization or a parameter that is not there.
    """
    if written.strip() in (BASELINE, STOCK):
        return []
    chosen: dict[str, Chosen] = {}
    for part in written.split("+"):
        match = _PART.fullmatch(part)
        if match is None:
            raise SuiteError(f"combination {written!r}: {part.strip()!r} cannot be read; {_HOW}")
        one = registry[match["name"]]
        if one.name in chosen:
            raise SuiteError(f"combination {written!r} holds {one.name!r} twice")
        chosen[one.name] = (one, _arguments(one, match["arguments"] or ""))
    return sorted(chosen.values(), key=lambda pair: (pair[0].stage, pair[0].name))


def write(chosen: Sequence[Chosen]) -> str:
    """The one way a combination is written in records and tables."""
    return "+".join(_written(one, arguments) for one, arguments in chosen) or BASELINE


def conflict(chosen: Sequence[Chosen]) -> str | None:
    """Why these optimizations cannot be combined, or None."""
    names = {one.name for one, _ in chosen}
    for one, _ in chosen:
        if clash := names.intersection(one.conflicts):
            return f"{one.name} conflicts with {', '.join(sorted(clash))}"
    return None


def _written(one: Optimization[Any], arguments: Mapping[str, Any]) -> str:
    if not arguments:
        return one.name
    return f"{one.name}({', '.join(f'{name}={value!r}' for name, value in sorted(arguments.items()))})"


def _arguments(one: Optimization[Any], written: str) -> dict[str, Any]:
    arguments: dict[str, Any] = {}
    for pair in filter(None, map(str.strip, written.split(","))):
        name, equals, value = map(str.strip, pair.partition("="))
        if not equals:
            raise SuiteError(f"{one.name}({written}): {pair!r} is no PARAMETER=VALUE")
        if name not in one.parameters:
            raise SuiteError(f"{one.name}: {unknown('parameter', name, one.parameters)}")
        arguments[name] = _value(one, one.parameters[name], value)
    return arguments


def _value(one: Optimization[Any], parameter: inspect.Parameter, written: str) -> Any:
    try:
        value = ast.literal_eval(written)
    except (ValueError, SyntaxError):
        value = written
    allowed = _TYPES.get(str(parameter.annotation))
    if allowed and (not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed)):
        raise SuiteError(f"{one.name}: {parameter.name} = {written!r} must be of type {parameter.annotation}")
    return value
