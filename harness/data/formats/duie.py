"""DuIE's lists of subject, predicate and object: chains of a subject's type, then the predicate."""

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

NAME = "duie"
DESCRIPTION = 'JSON lines {"text", "spo_list": [{"subject", "subject_type", "predicate", "object", "object_type"}]}'
_LIST, _VALUE = "spo_list", "@value"


class Triple(msgspec.Struct):
    """A relation; its two offsets are this project's own, not the format's."""

    subject: str
    subject_type: str
    predicate: str
    object: str | dict[str, str]
    subject_start_index: int | None = None
    object_start_index: int | None = None


def recognise(_: Path, sample: str) -> bool:
    """By ``spo_list``, which lines without a relation may lack."""
    return _LIST in lines.first(sample, _LIST)


def read(path: Path, problem: Problem) -> Iterator[Document]:
    """The format has no offsets; if words occur several times, the nearest pair is taken and reported."""
    return statements.documents(path, problem, _LIST, Triple, "a relation", _chains)


def _chains(text: str, triple: Triple, line: int, problem: Problem) -> Iterator[list[Item] | None]:
    """One for the object, and one for each of the other values that DuIE 2.0 gives with it, like ``inArea``.

    None for one that is not in the text.
    """
    values = {_VALUE: triple.object} if isinstance(triple.object, str) else triple.object
    if _VALUE not in values:
        problem(line, f"the object of {triple.predicate!r} has no {_VALUE!r}")
        yield None
    for key, words in values.items():
        type_ = triple.predicate if key == _VALUE else f"{triple.predicate}_{key}"
        told = about(type_, line, problem)
        subject = triple.subject, _places(text, triple.subject, triple.subject_start_index, told)
        object_ = words, _places(text, words, triple.object_start_index if key == _VALUE else None, told)
        chosen = together(subject, object_, told)
        yield chosen and [item(text, triple.subject_type, *chosen[0]), item(text, type_, *chosen[1])]


def _places(text: str, words: str, start: int | None, told: Told) -> list[Place]:
    """The place at our own offset if the words are there; otherwise all their places."""
    if start is not None and start >= 0 and words and text.startswith(words, start):
        return [(start, start + len(words))]
    return find(text, words, told)


def write(documents: Iterable[Document], path: Path, problem: Problem) -> None:
    """Chains of two links; keys of our own hold the starts of spans."""
    lines.write((_object(document, problem) for document in documents), path)


def _object(document: Document, problem: Problem) -> dict[str, Any]:
    found = {"id": document.id, "text": document.text}
    if document.chains is None:
        return found
    triples = [
        {
            "subject": subject["span"],
            "subject_type": subject["type"],
            "subject_start_index": subject["offset"][0],
            "predicate": object_["type"],
            "object": {_VALUE: object_["span"]},
            "object_type": {_VALUE: object_["type"]},
            "object_start_index": object_["offset"][0],
        }
        for subject, object_ in pairs(document, problem)
    ]
    return {**found, _LIST: triples}
