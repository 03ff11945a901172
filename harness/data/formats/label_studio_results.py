"""The labels and relations of a text in a Label Studio annotation."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from harness.data.formats.annotated import Annotated
from harness.data.formats.document import Problem
from harness.data.formats.relations import Relation

_DIRECTIONS = ("right", "left", "bi")


def is_label(result: Any) -> bool:
    """Whether a result labels a span of plain text."""
    return isinstance(result, dict) and result.get("type") == "labels"


def name_of(result: dict[str, Any]) -> str | None:
    """The labelling configuration's name for the text of a result."""
    name = result.get("to_name")
    return name if isinstance(name, str) else None


def fill(one: Annotated, results: list[Any], names: Collection[str | None], problem: Problem) -> None:
    """Add the results of a text, which are those whose ``to_name`` is one of these."""
    elsewhere = [result.get("id") for result in results if is_label(result) and name_of(result) not in names]
    for result in results:
        kind = result.get("type")
        if is_label(result):
            if name_of(result) in names:
                _label(one, result, problem)
        elif kind == "relation":
            if result.get("from_id") not in elsewhere and result.get("to_id") not in elsewhere:
                _relation(one, result, problem)
        elif isinstance(kind, str) and kind.endswith("labels"):
            one.fault(f"a result of the type {kind!r} is not a label of plain text; it is left out", problem)
        else:
            one.remarks.append(f"results of the type {kind!r} are left out: they are not labels of spans")


def _label(one: Annotated, result: dict[str, Any], problem: Problem) -> None:
    value = result["value"]
    types = value.get("labels")
    if not isinstance(types, list) or not types:
        one.fault(f"the label at {value.get('start')!r} to {value.get('end')!r} has no type", problem)
        return
    for type_ in types:
        one.add(result.get("id"), (value.get("start"), value.get("end"), type_), value.get("text"), problem)


def _relation(one: Annotated, result: dict[str, Any], problem: Problem) -> None:
    ends = [result["from_id"], result["to_id"]]
    direction = result.get("direction") or _DIRECTIONS[0]
    if direction not in _DIRECTIONS:
        one.fault(f"a relation has the direction {direction!r} (known: {', '.join(_DIRECTIONS)})", problem)
        return
    ways = {"right": [ends], "left": [ends[::-1]], "bi": [ends, ends[::-1]]}[direction]
    for subject, object_ in ways:
        for type_ in result.get("labels") or [None]:
            one.relations.append(Relation(subject, object_, type_))
