"""DuEE's and DuEE-fin's events: chains of a trigger, then an argument's role."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from harness.data.formats import lines, statements
from harness.data.formats.document import Document, Problem, item, pairs
from harness.data.formats.places import Place, Told, find, together
from harness.data.formats.told import about
from harness.record import Item

NAME = "duee"
DESCRIPTION = 'JSON lines {"text", "event_list": [{"event_type", "trigger", "trigger_start_index", "arguments": […]}]}'
TRIGGER = "(事件触发词)"  # the suffix of an event's type in SiameseUIE's schemas; its span is the trigger
_LIST = "event_list"


class Argument(msgspec.Struct):
    """The argument of a role; DuEE-fin gives no offsets."""

    role: str
    argument: str
    argument_start_index: int | None = None


class Event(msgspec.Struct):
    """An event of a text."""

    event_type: str
    trigger: str
    arguments: list[Argument]
    trigger_start_index: int | None = None


def recognise(_: Path, sample: str) -> bool:
    """By ``event_list``, which lines without an event may lack."""
    return _LIST in lines.first(sample, _LIST)


def read(path: Path, problem: Problem) -> Iterator[Document]:
    """One chain for each argument; an event without arguments has no leaf, and is reported."""
    return statements.documents(path, problem, _LIST, Event, "an event", _chains)


def _chains(text: str, event: Event, line: int, problem: Problem) -> Iterator[list[Item] | None]:
    """One chain per argument; None for one that is not in the text."""
    type_ = f"{event.event_type}{TRIGGER}"
    triggers = _places(text, event.trigger, event.trigger_start_index, about(type_, line, problem))
    if not event.arguments:
        problem(line, f"the event {event.event_type} has no arguments, and a chain ends at one")
    for one in event.arguments:
        told = about(one.role, line, problem)
        filled = _places(text, one.argument, one.argument_start_index, told)
        chosen = together((event.trigger, triggers), (one.argument, filled), told)
        yield chosen and [item(text, type_, *chosen[0]), item(text, one.role, *chosen[1])]


def _places(text: str, words: str, start: int | None, told: Told) -> list[Place]:
    """The place at the offset, or all places of the words if there is no offset."""
    if start is None:
        return find(text, words, told)
    if words and start >= 0 and text.startswith(words, start):
        return [(start, start + len(words))]
    told(f"{words!r} does not stand at {start} in the text")
    return []


def write(documents: Iterable[Document], path: Path, problem: Problem) -> None:
    """Chains of two links."""
    lines.write((_object(document, problem) for document in documents), path)


def _object(document: Document, problem: Problem) -> dict[str, Any]:
    found = {"id": document.id, "text": document.text}
    if document.chains is None:
        return found
    events: dict[tuple[str, str, int], list[dict[str, Any]]] = {}
    for trigger, filled in pairs(document, problem):
        event = (trigger["type"].removesuffix(TRIGGER), trigger["span"], trigger["offset"][0])
        argument = {"role": filled["type"], "argument": filled["span"], "argument_start_index": filled["offset"][0]}
        events.setdefault(event, []).append(argument)
    listed = [
        {"event_type": type_, "trigger": words, "trigger_start_index": start, "arguments": arguments}
        for (type_, words, start), arguments in events.items()
    ]
    return {**found, _LIST: listed}
