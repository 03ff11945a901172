"""DuEE's events: chains of a trigger, then an argument's role."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from harness.data.formats import lines
from harness.data.formats.document import Document, Problem, item, pairs
from harness.record import Chains, Item

NAME = "duee"
DESCRIPTION = 'JSON lines {"text", "event_list": [{"event_type", "trigger", "trigger_start_index", "arguments": […]}]}'
TRIGGER = "(事件触发词)"  # what SiameseUIE's schemas put after an event's type, whose span is the trigger


def recognise(_: Path, sample: str) -> bool:
    """By ``event_list``."""
    return "event_list" in lines.first(sample)


def read(path: Path, problem: Problem) -> Iterator[Document]:
    """A chain an argument; an event without arguments has no leaf and is told."""
    return lines.documents(path, problem, _document)


def _document(found: dict[str, Any], line: int, problem: Problem) -> Document:
    text = found["text"]
    chains: Chains = []
    for event in found.get("event_list", []):
        type_ = event["event_type"]
        trigger = _span(text, f"{type_}{TRIGGER}", event["trigger"], event["trigger_start_index"], line, problem)
        if not event["arguments"]:
            problem(line, f"the event {type_} has no arguments, and a chain ends at one")
        for argument in event["arguments"]:
            start = argument["argument_start_index"]
            filled = _span(text, argument["role"], argument["argument"], start, line, problem)
            if trigger is not None and filled is not None and [trigger, filled] not in chains:
                chains.append([trigger, filled])
    name = found.get("id", "")
    return Document(str(name) if name else str(line), text, chains, line)


def _span(text: str, type_: str, words: str, start: int, line: int, problem: Problem) -> Item | None:
    if words and text[start : start + len(words)] == words:
        return item(text, type_, start, start + len(words))
    problem(line, f"{type_} {words!r} does not stand at {start} in the text")
    return None


def write(documents: Iterable[Document], path: Path, problem: Problem) -> None:
    """Chains of two links."""
    lines.write((_object(document, problem) for document in documents), path)


def _object(document: Document, problem: Problem) -> dict[str, Any]:
    events: dict[tuple[str, str, int], list[dict[str, Any]]] = {}
    for trigger, filled in pairs(document, problem):
        event = (trigger["type"].removesuffix(TRIGGER), trigger["span"], trigger["offset"][0])
        argument = {"role": filled["type"], "argument": filled["span"], "argument_start_index": filled["offset"][0]}
        events.setdefault(event, []).append(argument)
    listed = [
        {"event_type": type_, "trigger": words, "trigger_start_index": start, "arguments": arguments}
        for (type_, words, start), arguments in events.items()
    ]
    return {"id": document.id, "text": document.text, "event_list": listed}
