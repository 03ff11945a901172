"""The documents that every format is read into and written from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from harness.record import Chains, Item

_PAIR = 2
# Called for each unusable part of a file with the line (from 1) and what is wrong with it.
Problem: TypeAlias = Callable[[int, str], None]


@dataclass(frozen=True)
class Document:
    """One text with its labels."""

    id: str
    text: str
    chains: Chains | None  # None if it is not labelled
    line: int  # where it starts in its file
    schema: dict[str, Any] | None = field(default=None, compare=False)  # if the file has one
    complete: bool = True  # False if a faulty label was left out


@dataclass(frozen=True, order=True)
class Label:
    """One span with its type; the offsets are code points, the end exclusive."""

    start: int
    end: int
    type: str


def item(text: str, type_: str, start: int, end: int) -> Item:
    """A link of a chain.

    Raises:
        TypeError: the type is not a string.
    """
    if not isinstance(type_, str):
        raise TypeError(f"the type {type_!r} is not a string")
    return Item(type=type_, span=text[start:end], offset=[start, end])


def labelled(id_: str, text: str, labels: Iterable[Label], line: int, problem: Problem) -> Document:
    """A document of single spans; those that do not fit the text are reported and left out."""
    chains: Chains = []
    complete = True
    for label in sorted(set(labels)):
        fault = misplaced(label.start, label.end, len(text))
        if fault is None:
            chains.append([item(text, label.type, label.start, label.end)])
        else:
            complete = False
            problem(line, f"{label.type} at {label.start} to {label.end} {fault}")
    return Document(id_, text, chains, line, complete=complete)


def misplaced(start: int, end: int, length: int) -> str | None:
    """What is wrong with offsets in a text of that length, if anything."""
    if start < 0 or max(start, end) > length:
        return f"lies outside the text of {length} characters"
    if start == end:
        return "is empty"
    return "ends before it begins" if start > end else None


def single_spans(document: Document, problem: Problem) -> list[Label]:
    """The labels of a document for a format without chains; longer chains are reported and left out."""
    labels = []
    for chain in document.chains or []:
        if len(chain) == 1:
            start, end = chain[0]["offset"]
            labels.append(Label(start, end, chain[0]["type"]))
        else:
            path = " > ".join(f"{link['type']} {link['span']!r}" for link in chain)
            problem(document.line, f"the chain {path} has {len(chain)} links, and this format holds single spans")
    return sorted(set(labels))


def pairs(document: Document, problem: Problem) -> Iterator[tuple[Item, Item]]:
    """The chains of two links, for a format that has no others; other chains are reported and left out."""
    for chain in document.chains or []:
        if len(chain) == _PAIR:
            yield chain[0], chain[1]
        else:
            path = " > ".join(link["type"] for link in chain)
            problem(document.line, f"the chain {path} has {len(chain)} links, and this format holds pairs")


def without_overlaps(labels: Iterable[Label], line: int, problem: Problem) -> Iterator[Label]:
    """Labels without overlaps: of two that overlap, the one that starts first is kept, or else the longer one."""
    end = 0
    for label in sorted(labels, key=lambda label: (label.start, -label.end, label.type)):
        if label.start < end:
            problem(line, f"{label.type} at {label.start} to {label.end} overlaps the label before it")
        else:
            end = label.end
            yield label
