"""Combinations as people write them: ``flash_attention+dynamic_truncation(multiple=16)``."""

from __future__ import annotations

import ast
import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from harness.errors import SuiteError, unknown
from harness.plan.short_forms import is_short
from harness.plugin import Optimization
from harness.record import BASELINE, STOCK, is_peer

Chosen = tuple[Optimization[Any], dict[str, Any]]  # an optimization with the values of its parameters

_HOW = "write NAME+NAME(PARAMETER=VALUE, …), or 'baseline' for none; text with other signs in quotes"
_LONGEST = 10_000  # characters; a combination of everything that there is has a tenth of them
_LARGEST = 1 << 63  # of a whole number
_SHOWN = 200  # characters of one that cannot be read, in a message
_TYPES: dict[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "bool": (bool,), "str": (str,)}


def parse(written: str, registry: Mapping[str, Optimization[Any]]) -> list[Chosen]:
    """Read a combination, in stage order; `baseline` and `stock` hold no optimization.

    Raises:
        SuiteError: it cannot be read, or names an optimization or a parameter that is not there.
    """
    if written.strip() in (BASELINE, STOCK):
        return []
    if is_peer(written.strip()):
        raise SuiteError(
            f"{written!r} is a peer, a program of its own, not a combination of optimizations; only `run` measures it: "
            "name it in `include` of a suite, or after --with"
        )
    if is_short(written):
        raise SuiteError(
            f"{_cut(written)!r} is the short form of one run's reports, and only --only and --skip of `run` take it; "
            "the report says which optimizations it stands for: write their names, joined by +"
        )
    try:
        return _parsed(written, registry)
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError) as error:
        raise SuiteError(f"combination {_cut(written)!r} cannot be read ({_cut(str(error))}); {_HOW}") from None


def _parsed(written: str, registry: Mapping[str, Optimization[Any]]) -> list[Chosen]:
    if len(written) > _LONGEST:
        raise ValueError(f"it has {len(written)} characters")
    chosen: dict[str, Chosen] = {}
    for name, arguments in _parts(written):
        one = registry[name]
        if one.name in chosen:
            raise SuiteError(f"combination {written!r} holds {one.name!r} twice")
        chosen[one.name] = (one, {key: _value(one, key, value) for key, value in arguments.items()})
    return sorted(chosen.values(), key=lambda pair: (pair[0].stage, pair[0].name))


def write(chosen: Sequence[Chosen]) -> str:
    """The one way a combination is written in records and tables."""
    return "+".join(_written(one, arguments) for one, arguments in chosen) or BASELINE


def conflict(chosen: Sequence[Chosen]) -> str | None:
    """Why these optimizations cannot be combined, or None."""
    names = {one.name for one, _ in chosen}
    if len(names) < len(chosen):
        return "an optimization is in it twice"
    for one, _ in chosen:
        if clash := names.intersection(one.conflicts):
            return f"{one.name} conflicts with {', '.join(sorted(clash))}"
    return None


def _written(one: Optimization[Any], arguments: Mapping[str, Any]) -> str:
    if not arguments:
        return one.name
    return f"{one.name}({', '.join(f'{name}={value!r}' for name, value in sorted(arguments.items()))})"


def _parts(written: str) -> list[tuple[str, dict[str, ast.expr]]]:
    """The names with their keyword arguments; a combination is written as a Python expression is."""
    with warnings.catch_warnings(action="ignore"):  # on odd, but readable, Python
        node: ast.expr = ast.parse(written.strip(), mode="eval").body
    parts: list[tuple[str, dict[str, ast.expr]]] = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        parts.append(_part(node.right, written))
        node = node.left
    return [*parts, _part(node, written)]


def _part(node: ast.expr, written: str) -> tuple[str, dict[str, ast.expr]]:
    match node:
        case ast.Name(id=name):
            return name, {}
        case ast.Call(func=ast.Name(id=name), args=[], keywords=keywords):
            values = {str(keyword.arg): keyword.value for keyword in keywords}
            if len(values) < len(keywords):
                raise SuiteError(f"combination {written!r}: a parameter of {name} is given twice ({', '.join(values)})")
            return name, values
        case ast.Call(args=[first, *_]):
            raise SuiteError(f"combination {written!r}: {ast.unparse(first)!r} is not PARAMETER=VALUE; {_HOW}")
    raise SuiteError(f"combination {written!r}: {ast.unparse(node)!r} cannot be read; {_HOW}")


def _value(one: Optimization[Any], name: str, node: ast.expr) -> Any:
    if name not in one.parameters:
        raise SuiteError(f"{one.name}: {unknown('parameter', name, one.parameters)}")
    annotation = one.parameters[name].annotation
    wanted = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))
    try:
        value = ast.literal_eval(node)
        repr(value)  # as records have it
    except ValueError:
        value = ast.unparse(node)  # a bare word is text
    allowed = _TYPES.get(wanted)
    if allowed and (not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed)):
        raise SuiteError(f"{one.name}: {name} = {_cut(ast.unparse(node))} must be of type {wanted}")
    if (isinstance(value, int) and abs(value) >= _LARGEST) or (isinstance(value, float) and not math.isfinite(value)):
        raise SuiteError(f"{one.name}: {name} is a number beyond all use; write a smaller one")
    return value


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
