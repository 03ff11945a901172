"""CLUENER's JSON lines: labels by type and span, with inclusive ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from harness.data.formats import lines
from harness.data.formats.annotated import Annotated, documents, objects
from harness.data.formats.document import Document, Problem, single_spans

NAME = "cluener"
DESCRIPTION = 'JSON lines {"text", "label": {TYPE: {SPAN: [[start, end included], …]}}}; without "label": unlabelled'


def recognise(_: Path, sample: str) -> bool:
    """If the first ``label`` is an object."""
    return isinstance(lines.first(sample, "label").get("label"), dict)


def read(path: Path, problem: Problem) -> Iterator[Document]:
    """One chain per span; the spans' texts are compared with their offsets."""
    return documents(lambda tell: objects(path, tell, _fill), problem, last_included=True)


def _fill(one: Annotated, found: dict[str, Any], problem: Problem) -> None:
    label = found.get("label")
    if label is None:
        one.unlabelled = "the text has no 'label', so its gold is not known"
        return
    for type_, spans in label.items():
        for span, places in spans.items():
            for start, last in places:
                one.add(None, (start, last, type_), span, problem)


def write(documents: Iterable[Document], path: Path, problem: Problem) -> None:
    """Single spans, which may overlap."""
    lines.write((_object(document, problem) for document in documents), path)


def _object(document: Document, problem: Problem) -> dict[str, Any]:
    labels: dict[str, dict[str, list[list[int]]]] = {}
    for label in single_spans(document, problem):
        span = document.text[label.start : label.end]
        labels.setdefault(label.type, {}).setdefault(span, []).append([label.start, label.end - 1])
    found = {"id": document.id, "text": document.text}
    return found if document.chains is None else {**found, "label": labels}
