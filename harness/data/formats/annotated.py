"""Texts as annotation tools write them, and their conversion to documents."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from harness.data.formats import lines
from harness.data.formats.document import Document, Problem
from harness.data.formats.offsets import Offsets, Stated
from harness.data.formats.readings import Unit
from harness.data.formats.relations import Id, Relation, chains_of
from harness.data.formats.told import Tally, quietly
from harness.errors import InputError


@dataclass
class Annotated:
    """One text with its labels as in its file."""

    id: str
    text: str
    line: int
    unlabelled: str = ""  # why the labels of this text are not known; empty if they are
    marked: bool = False  # whether its file begins with a byte order mark
    entities: list[tuple[Id, Stated]] = field(default_factory=list)  # with the ids that relations refer to
    relations: list[Relation] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    complete: bool = True  # False if something that may be a label could not be read

    def add(self, id_: Any, given: tuple[Any, Any, Any], surface: Any, problem: Problem) -> None:
        """Add a label as in the file (start, end, type); an invalid one is reported."""
        start, end, type_ = given
        if not isinstance(id_, str | int | None):
            self.fault(f"the label at {start!r} to {end!r} has the id {id_!r}", problem)
        elif not isinstance(type_, str) or not type_:
            self.fault(f"the label at {start!r} to {end!r} has the type {type_!r}, which is not a name", problem)
        elif not all(isinstance(place, int) and not isinstance(place, bool) for place in (start, end)):
            self.fault(f"{type_} at {start!r} to {end!r} has an offset that is not a whole number", problem)
        elif surface is not None and not isinstance(surface, str):
            self.fault(f"{type_} at {start} to {end} has the text {surface!r}, which is not a string", problem)
        else:
            self.entities.append((id_, Stated(start, end, type_, surface)))

    def fault(self, said: str, problem: Problem) -> None:
        """Report something that may be a label but cannot be read; the labels are then incomplete."""
        self.complete = False
        problem(self.line, said)


Parse: TypeAlias = Callable[[Problem], Iterator[Annotated]]


def documents(
    parse: Parse, problem: Problem, *, own: Unit = Unit.CHARACTER, last_included: bool = False
) -> Iterator[Document]:
    """Stream a file's documents; the file is read once before, to find out how its offsets are counted.

    Args:
        parse: reads the file from its beginning.
        problem: told of each fault, and at the end of what was not a fault.
        own: the unit in which the tool itself counts.
        last_included: whether a span's end in this format is its last character, not the one after it.
    """
    offsets = Offsets(own, last_included=last_included)
    for one in quietly(parse, problem):
        offsets.hear(one.text, [stated for _, stated in one.entities])
    tally = Tally()
    for one in parse(problem):
        for remark in one.remarks:
            tally.add(one.line, remark)
        if one.unlabelled:
            tally.add(one.line, one.unlabelled)
            yield Document(one.id, one.text, None, one.line)
        else:
            yield _document(one, offsets, tally, problem)
    tally.tell(problem)


def _document(one: Annotated, offsets: Offsets, tally: Tally, problem: Problem) -> Document:
    stated = [label for _, label in one.entities]
    labels = offsets.settle(one.text, stated, one.line, tally, problem, marked=one.marked)
    placed = [(id_, label) for (id_, _), label in zip(one.entities, labels, strict=True)]
    chains = chains_of(one.text, placed, one.relations, lambda said: one.fault(said, problem))
    return Document(one.id, one.text, chains, one.line, complete=one.complete and None not in labels)


def objects(
    path: Path, problem: Problem, fill: Callable[[Annotated, dict[str, Any], Problem], None]
) -> Iterator[Annotated]:
    """A text for each object of a file of JSON lines; labels of another form are reported.

    Args:
        path: the file.
        problem: told of each fault.
        fill: adds an object's labels.
    """
    for line, found in lines.objects(path, problem):
        try:
            one = Annotated(lines.named(found, line), text_of(found), line)
        except InputError as error:
            problem(line, str(error))
            continue
        fill_in(one, partial(fill, one, found), problem)
        yield one


def fill_in(one: Annotated, fill: Callable[[Problem], None], problem: Problem) -> None:
    """Add a text's labels; if they do not follow the format, the text is kept and its labels are not known."""
    try:
        fill(problem)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        one.fault(f"the labels are not as this format has them: {type(error).__name__}: {error}", problem)


def text_of(found: dict[str, Any]) -> str:
    """The text of an object.

    Raises:
        InputError: it has none.
    """
    text = found.get("text")
    if not isinstance(text, str):
        raise InputError("has no text under the key 'text'")
    return text
