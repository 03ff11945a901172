"""This project's own JSONL: text, schema, gold chains."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from harness.data.dataset import sound_examples
from harness.data.formats import lines
from harness.data.formats.document import Document, Problem
from harness.data.schemas import schema_of

NAME = "native"
DESCRIPTION = 'JSON lines {"id", "text", "schema", "gold": [[{"type", "span", "offset": [start, end]}, …], …]}'


def recognise(_: Path, sample: str) -> bool:
    """By the key ``schema`` beside ``text``, which the first lines may lack by mistake."""
    return {"text", "schema"} <= set(lines.first(sample, "schema"))


def read(path: Path, problem: Problem) -> Iterator[Document]:
    """Chains as in the file; a line with a fault is left out."""
    for line, example in sound_examples(path, problem):
        yield Document(example.id, example.text, example.gold, line, dict(example.schema))


def write(documents: Iterable[Document], path: Path, problem: Problem) -> None:
    """Everything; a document without a schema gets that of its own chains, if it has any."""
    lines.write((found for document in documents if (found := _object(document, problem))), path)


def _object(document: Document, problem: Problem) -> dict[str, Any] | None:
    schema = document.schema if document.schema is not None else schema_of(document.chains or [])
    if not schema:
        problem(document.line, f"the text {document.id!r} has neither a schema nor labels to take one from")
        return None
    found: dict[str, Any] = {"id": document.id, "text": document.text, "schema": schema}
    return found if document.chains is None else {**found, "gold": document.chains}
