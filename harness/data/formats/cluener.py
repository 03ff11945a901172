"""CLUENER's JSON lines: labels by type and span, the offsets' ends included."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from harness.data.formats import lines
from harness.data.formats.document import Document, Label, Problem, labelled, single_spans

NAME = "cluener"
DESCRIPTION = 'JSON lines {"text", "label": {TYPE: {SPAN: [[start, end included], …]}}}'


def recognise(_: Path, sample: str) -> bool:
    """By ``label`` being an object."""
    return isinstance(lines.first(sample).get("label"), dict)


def read(path: Path, problem: Problem) -> Iterator[Document]:
    """One span a chain."""
    return lines.documents(path, problem, _document)


def _document(found: dict[str, Any], line: int, problem: Problem) -> Document:
    text = found["text"]
    labels = []
    for type_, spans in found.get("label", {}).items():
        for span, places in spans.items():
            for start, last in places:
                if text[start : last + 1] == span:
                    labels.append(Label(start, last + 1, type_))
                else:
                    problem(line, f"{type_} {span!r} does not stand at {start} to {last} in the text")
    return labelled(lines.named(found, line), text, labels, line, problem)


def write(documents: Iterable[Document], path: Path, problem: Problem) -> None:
    """Single spans, overlapping ones too."""
    lines.write((_object(document, problem) for document in documents), path)


def _object(document: Document, problem: Problem) -> dict[str, Any]:
    labels: dict[str, dict[str, list[list[int]]]] = {}
    for label in single_spans(document, problem):
        span = document.text[label.start : label.end]
        labels.setdefault(label.type, {}).setdefault(span, []).append([label.start, label.end - 1])
    return {"id": document.id, "text": document.text, "label": labels}
