"""doccano's JSON lines: labels as lists, or as entities with their relations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from harness.data.formats import lines
from harness.data.formats.document import Document, Problem, labelled, single_spans, whole_labels

NAME = "doccano"
DESCRIPTION = (
    'JSON lines {"text", "label": [[start, end, TYPE], …]}, or with "entities" as its relation projects have them'
)


def recognise(_: Path, sample: str) -> bool:
    """By ``label`` or ``labels`` being a list, or by ``entities``."""
    found = lines.first(sample)
    listed = isinstance(found.get("label", found.get("labels")), list)
    return "text" in found and "spo_list" not in found and (listed or isinstance(found.get("entities"), list))


def read(path: Path, problem: Problem) -> Iterator[Document]:
    """One span a chain; relations are told and left out, since they have no type path of their own."""
    return lines.documents(path, problem, _document)


def _document(found: dict[str, Any], line: int, problem: Problem) -> Document:
    if relations := found.get("relations"):
        problem(line, f"has {len(relations)} relations, which are left out")
    listed = found.get("label", found.get("labels"))
    if listed is None:
        keys = ("start_offset", "end_offset", "label")
        listed = [[one.get(key) for key in keys] for one in found.get("entities", [])]
    labels = whole_labels(listed, line, problem)
    return labelled(lines.named(found, line), found["text"], labels, line, problem)


def write(documents: Iterable[Document], path: Path, problem: Problem) -> None:
    """Single spans, overlapping ones too."""
    lines.write((_object(document, problem) for document in documents), path)


def _object(document: Document, problem: Problem) -> dict[str, Any]:
    labels = [[label.start, label.end, label.type] for label in single_spans(document, problem)]
    return {"id": document.id, "text": document.text, "label": labels}
