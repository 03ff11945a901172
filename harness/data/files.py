"""Files of any format as examples."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from harness.baseline.schema import Schema, check_encodable, check_schema, check_text
from harness.data.dataset import Example
from harness.data.formats.document import Document, Problem
from harness.data.formats.find import format_of
from harness.data.formats.native import NAME as NATIVE
from harness.data.formats.told import Remark, Tally, quietly
from harness.data.gold import gold_of, never_labelled
from harness.data.ids import Ids
from harness.data.schemas import schema_of
from harness.errors import InputError

_Read: TypeAlias = Callable[[Problem], Iterator[Document]]


def read_file(path: Path, problem: Problem, format_name: str | None = None, schema: Any = None) -> Iterator[Example]:
    """Stream the examples of a file; what cannot be used is reported and left out.

    The file is read twice: the first time shows which types have labels. If no schema is given and the file has
    none, the schema is the smallest that contains all of them.

    Args:
        path: the file, or a brat folder.
        problem: called with each fault and its line, and with each ``Remark``.
        format_name: a known format; None to guess it from the content.
        schema: for texts whose file has none; None derives it.

    Raises:
        InputError: the format cannot be determined, or there are no labels to derive a schema from.
    """
    format_ = format_of(path, format_name)
    given = None if schema is None else check_schema(schema)

    def read(tell: Problem) -> Iterator[Document]:
        return format_.read(path, tell)

    labelled = _survey(read, problem)
    if given is None and labelled.types:
        given = check_schema(labelled.types)
    if given is None and not labelled.own_schemas:
        deque(read(problem), maxlen=0)  # reports the file's faults, which may be the reason
        if format_.NAME == NATIVE:
            raise InputError(f"{path} holds no line that can be used")
        raise InputError(f"{path} has no labels to take a schema from; name the schema that its texts are asked with")
    yield from _Examples(given, labelled.types, problem).of(read(problem))


@dataclass
class _Survey:
    types: dict[str, Any] = field(default_factory=dict)  # the smallest schema that contains all labels
    own_schemas: int = 0  # texts that have one


def _survey(read: _Read, problem: Problem) -> _Survey:
    found = _Survey()
    for document in quietly(read, problem):
        found.own_schemas += document.schema is not None
        schema_of(document.chains or [], found.types)
    return found


class _Examples:
    """Turns documents into examples, one after another."""

    def __init__(self, given: Schema | None, labelled: dict[str, Any], problem: Problem) -> None:
        self._given, self._labelled, self._problem = given, labelled, problem
        self._tally = Tally()
        self._known = self._unknown = 0

    def of(self, documents: Iterator[Document]) -> Iterator[Example]:
        with Ids() as seen:
            for document in documents:
                example = self._example(document, seen)
                if example is not None:
                    self._known += example.gold is not None
                    self._unknown += example.gold is None
                    yield example
        self._tally.tell(self._problem)
        if self._known and (never := list(never_labelled(self._given or {}, self._labelled))):
            types = ", ".join(never)
            self._problem(1, Remark(f"the schema asks for {types}, which no label has: what is found counts as wrong"))
        if self._known and self._unknown:
            texts = self._known + self._unknown
            self._problem(1, Remark(f"the gold of {self._known} of {texts} texts is known; F1 is over these"))

    def _example(self, document: Document, seen: Ids) -> Example | None:
        schema = document.schema if document.schema is not None else self._given
        fault = None if schema else "the text has no schema, and nothing in the file has labels to take one from"
        if fault is None:
            fault = _fault(document, seen)
        if fault is not None or schema is None:
            self._problem(document.line, str(fault))
            return None
        gold = gold_of(document, schema, self._labelled, self._tally, self._problem)
        return Example(document.id, document.text, schema, gold)


def _fault(document: Document, seen: Ids) -> str | None:
    """What makes a text unusable, if anything; the id of one that can be used is added to those seen."""
    try:
        check_encodable(document.id, "the id")
        text = check_text(document.text)
    except InputError as error:
        return str(error)
    if not text.strip():
        return "the text is empty"
    new = seen.add(document.id)
    return None if new else f"the id {document.id!r} is already on an earlier line; ids must be unique"
