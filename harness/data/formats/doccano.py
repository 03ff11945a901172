"""doccano's JSON lines: labels as lists, or as entities with their relations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from harness.data.formats import lines
from harness.data.formats.annotated import Annotated, documents, objects
from harness.data.formats.document import Document, Problem
from harness.data.formats.readings import Unit, utf16
from harness.data.formats.relations import Relation, relations_of

NAME = "doccano"
DESCRIPTION = (
    'JSON lines {"text", "label": [[start, end, TYPE], …]}, or with "entities" and "relations" as its relation '
    "projects have them"
)
_KEYS = ("label", "labels", "entities")  # the first that exists holds the labels


def recognise(_: Path, sample: str) -> bool:
    """If the first ``label``, ``labels`` or ``entities`` is a list."""
    return any(
        "text" in (found := lines.first(sample, key)) and isinstance(found[key], list) and "spo_list" not in found
        for key in _KEYS
    )


def read(path: Path, problem: Problem) -> Iterator[Document]:
    """One chain for each relation, and for each label that no relation starts from.

    doccano counts UTF-16 code units; programs that write its format often count characters. Labels do not state the
    text that they cover, so a file is read by characters only if some label shows it, or if there is no difference.
    """
    return documents(lambda tell: objects(path, tell, _fill), problem, own=Unit.UTF16)


def _fill(one: Annotated, found: dict[str, Any], problem: Problem) -> None:
    listed = next((found[key] for key in _KEYS if found.get(key) is not None), None)
    if listed is None:
        one.unlabelled = "the text has no 'label', so its gold is not known"
        return
    for label in listed:
        if isinstance(label, dict):
            one.add(
                label.get("id"), (label.get("start_offset"), label.get("end_offset"), label.get("label")), None, problem
            )
        elif isinstance(label, list) and len(label) == 3:
            one.add(None, (label[0], label[1], label[2]), None, problem)
        else:
            one.fault(f"the label {label!r} is not a start, an end and a type", problem)
    for relation in found.get("relations") or []:
        one.relations.append(Relation(relation["from_id"], relation["to_id"], relation.get("type")))


def write(documents: Iterable[Document], path: Path, problem: Problem) -> None:
    """Single spans, which may overlap, and pairs; offsets as doccano counts them."""
    lines.write((_object(document, problem) for document in documents), path)


def _object(document: Document, problem: Problem) -> dict[str, Any]:
    found: dict[str, Any] = {"id": document.id, "text": document.text}
    if document.chains is None:
        return found
    labels, relations = relations_of(document, problem)
    places = [(utf16(document.text, label.start), utf16(document.text, label.end), label.type) for label in labels]
    if not relations:
        return {**found, "label": [list(place) for place in places]}
    found["entities"] = [
        {"id": id_, "label": type_, "start_offset": start, "end_offset": end}
        for id_, (start, end, type_) in enumerate(places)
    ]
    found["relations"] = [
        {"id": id_, "from_id": subject, "to_id": object_, "type": type_}
        for id_, (subject, object_, type_) in enumerate(relations)
    ]
    return found
