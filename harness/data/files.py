"""Files of any format as examples."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from harness.baseline.schema import Schema, check_schema, check_text
from harness.data.dataset import Example
from harness.data.formats.document import Document, Problem
from harness.data.formats.find import format_of
from harness.data.schemas import schema_of
from harness.errors import InputError
from harness.record import Chains


def read_file(path: Path, problem: Problem, format_name: str | None = None, schema: Any = None) -> Iterator[Example]:
    """Stream the examples of a file; what cannot be used is told and left out.

    A file whose format has no schema is read twice: its schema is the smallest that leads to all of its labels.

    Args:
        path: the file, or a folder of brat's.
        problem: told of each fault with its line.
        format_name: of the formats known; guessed from the content where it is None.
        schema: for texts whose file has none; None derives it.

    Raises:
        InputError: the format cannot be told, or there are no labels to derive a schema from.
    """
    format_ = format_of(path, format_name)
    documents: Callable[[Problem], Iterator[Document]] = lambda tell: format_.read(path, tell)  # noqa: E731 (read twice)
    given = None if schema is None else check_schema(schema)
    if given is None:
        found: dict[str, Any] = {}
        own = 0
        for document in documents(lambda _, __: None):
            own += document.schema is not None
            schema_of(document.chains or [], found)
        if not found and not own:
            raise InputError(
                f"{path} has no labels to take a schema from; name the schema that its texts are asked with"
            )
        given = check_schema(found) if found else None
    seen: set[str] = set()
    for document in documents(problem):
        asked = document.schema if document.schema is not None else given
        if asked is None:
            problem(document.line, "the text has no schema, and nothing in the file has labels to take one from")
            continue
        example = _example(document, asked, problem)
        if example is None:
            continue
        if example.id in seen:
            problem(document.line, f"the id {example.id!r} stands on an earlier line too; ids are unique")
            continue
        seen.add(example.id)
        yield example


def _example(document: Document, schema: Schema, problem: Problem) -> Example | None:
    try:
        text = check_text(document.text)
    except InputError as error:
        problem(document.line, str(error))
        return None
    if not text.strip():
        problem(document.line, "the text is empty")
        return None
    if document.chains is None:
        return Example(document.id, text, schema)
    return Example(document.id, text, schema, _down_to_leaves(document, schema, problem))


def _down_to_leaves(document: Document, schema: Schema, problem: Problem) -> Chains:
    """The chains that end at a leaf: a type that has children elsewhere in the file needs one here too."""
    kept: Chains = []
    for chain in document.chains or []:
        below: Schema | None = schema
        for link in chain:
            below = None if below is None else below.get(link["type"])
        if below is None:
            kept.append(chain)
        else:
            path = " > ".join(link["type"] for link in chain)
            problem(document.line, f"the chain {path} ends at a type that has {', '.join(below)} below it")
    return kept
