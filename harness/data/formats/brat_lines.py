"""The lines of brat's ``.ann`` files."""

from __future__ import annotations

import re

from harness.data.formats.annotated import Annotated
from harness.data.formats.offsets import Stated
from harness.data.formats.relations import Relation

_PLACE = r"\d{1,9} \d{1,9}"
_TEXT_BOUND = re.compile(rf"(T\S*)\t(\S+) ({_PLACE}(?:;{_PLACE})*)\t(.*)", re.ASCII | re.DOTALL)
_RELATION = re.compile(r"R\S*\t(\S+) \S+?:(\S+) \S+?:(\S+)\s*")
_EVENT = re.compile(r"(E\S*)\t\S+?:(\S+?)((?: [^\s:]+:\S+)*)\s*")
_ELSE = {
    "A": "attributes (A)",
    "M": "attributes (M)",
    "N": "normalisations (N)",
    "#": "notes (#)",
    "*": "equivalences (*)",
}


def read_line(one: Annotated, row: str) -> str | None:
    """Add the label or relation of a line to a text; returns what is wrong with it, if anything."""
    kind = row[:1]
    if kind in _ELSE:
        one.remarks.append(f"{_ELSE[kind]} are left out: they say more about labels, and are not labels")
        return None
    match kind:
        case "T":
            return _text_bound(one, row)
        case "R":
            return _relation(one, row)
        case "E":
            return _event(one, row)
    return f"holds {row!r}, which is not an annotation"


def _text_bound(one: Annotated, row: str) -> str | None:
    found = _TEXT_BOUND.fullmatch(row)
    if found is None:
        return f"{row!r} is not a text-bound annotation: NAME, tab, TYPE START END, tab, the text; it is left out"
    name, type_, places, surface = found.groups()
    if ";" in places:
        return f"{name} is not one continuous span but {places}; it is left out"
    start, end = map(int, places.split())
    one.entities.append((name, Stated(start, end, type_, surface)))
    return None


def _relation(one: Annotated, row: str) -> str | None:
    found = _RELATION.fullmatch(row)
    if found is None:
        return f"{row!r} is not a relation: NAME, tab, TYPE Arg1:NAME Arg2:NAME; it is left out"
    one.relations.append(Relation(found[2], found[3], found[1]))
    return None


def _event(one: Annotated, row: str) -> str | None:
    found = _EVENT.fullmatch(row)
    if found is None:
        return f"{row!r} is not an event: NAME, tab, TYPE:NAME ROLE:NAME …; it is left out"
    name, trigger, arguments = found.groups()
    filled = [(role, object_) for role, _, object_ in (argument.partition(":") for argument in arguments.split())]
    if nested := [object_ for _, object_ in filled if object_.startswith("E")]:
        return f"{name} has the event {nested[0]} as an argument, which no chain can hold; it is left out"
    roles = {role for role, _ in filled}
    for role, object_ in filled:
        # brat numbers the second and later arguments of a role.
        base = re.sub(r"\d+$", "", role)
        one.relations.append(Relation(trigger, object_, base if base in roles else role))
    return None
