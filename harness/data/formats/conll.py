"""CoNLL columns: one token and its tag per line; an empty line separates texts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from harness.data.formats.columns import (
    LEAST,
    apart,
    begins_document,
    cells,
    is_comment,
    is_header,
    without_places,
)
from harness.data.formats.document import Document, Label, Problem, labelled, single_spans, without_overlaps
from harness.data.formats.tags import OUTSIDE, begin_inside, is_tag, spans
from harness.data.formats.told import Tally
from harness.textfile import read_lines, read_sample, split_lines

NAME = "conll"
DESCRIPTION = (
    "a token and its tag a line (B-, I-, M-, E-, S-, O; the first column and the last), an empty line between texts; "
    "written as BIO"
)
_MARK = "\ufeff"  # a byte order mark
_ROWS = 50  # lines by which the format is recognised
_SAMPLE = 1 << 16  # bytes by which IOB1 is recognised

Row = tuple[int, list[str]]  # the line, and its columns


class _Told(NamedTuple):
    """Reports the faults of texts, and counts over all texts."""

    problem: Problem
    tally: Tally


def recognise(_: Path, sample: str) -> bool:
    """If each of the first lines has a tag."""
    lines = split_lines(sample)
    rows = [row for _, row in _meant(enumerate(lines[:_ROWS], 1)) if row.strip()]
    if not sample.endswith("\n") and len(lines) <= _ROWS:
        rows = rows[:-1] or rows  # the last one may be cut
    return bool(rows) and all(len(found) >= LEAST and is_tag(found[-1]) for found in map(cells, rows))


def read(path: Path, problem: Problem) -> Iterator[Document]:
    """Tokens are joined without a separator, ASCII words with a blank."""
    rows: list[Row] = []
    count, width, tally = 0, 0, Tally()
    iob1 = begin_inside(cells(row)[-1] if row.strip() else OUTSIDE for row in split_lines(read_sample(path, _SAMPLE)))
    for number, row in chain(_meant(read_lines(path, problem)), [(0, "")]):
        if row.strip():
            width = width or len(cells(row))
            rows.append((number, cells(row, width)))
        elif rows:
            count += 1
            yield _document(rows, str(count), _Told(problem, tally), iob1=iob1)
            rows = []
    tally.tell(problem)


def _meant(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """The lines without header and comments; the start of a document becomes an empty line."""
    before = ""
    for number, row in lines:
        if begins_document(row):
            row = ""
        between = not before.strip()
        if not (between and row and (is_comment(row) or (number == 1 and is_header(row)))):
            yield number, row
            before = row


def _document(rows: Sequence[Row], id_: str, told: _Told, *, iob1: bool) -> Document:
    begun = rows[0][0]
    for number, found in rows:
        if not found[0]:
            told.problem(number, "a tag without a token; if that was a blank, the text lacks it")
    text, places = _text([found[0] for _, found in rows], begun, told.tally)
    bare = [number for number, found in rows if len(found) < LEAST]
    if bare:
        if len(bare) < len(rows):
            told.problem(bare[0], "a line without a tag; what labels its text has is not known")
        else:
            told.tally.add(begun, "the text has no tags, so its gold is not known")
        return Document(id_, text, None, begun)
    tags = [found[-1] for _, found in rows]
    found_spans = spans(tags, lambda place, said: told.problem(rows[place][0], said), iob1=iob1)
    labels = [Label(places[first][0], places[last - 1][1], type_) for first, last, type_ in found_spans]
    return replace(labelled(id_, text, labels, begun, told.problem), complete=all(map(is_tag, tags)))


def _text(written: Sequence[str], line: int, tally: Tally) -> tuple[str, list[tuple[int, int]]]:
    """The text, and the place of each token in it."""
    tokens = without_places(written)
    if tokens is not written:
        tally.add(line, "each token is a character and its place in a word (like 科0, 技1); the places are left out")
    parts: list[str] = []
    places, end, before = [], 0, ""
    for token in tokens:
        blank = " " if apart(before, token) else ""
        parts += (blank, token)
        start = end + len(blank)
        end = start + len(token)
        places.append((start, end))
        before = token
    if " " in parts[::2]:
        tally.add(line, "words in Latin letters are put together with a blank between them")
    return "".join(parts), places


def write(documents: Iterable[Document], path: Path, problem: Problem) -> None:
    """Single spans that do not overlap, one character per line.

    A text with a line break cannot be written, nor one whose labels are not known, since each character has a tag.
    """
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for document in documents:
            if not document.text or not {"\n", "\r"}.isdisjoint(document.text):
                problem(
                    document.line, f"the text {document.id!r} is empty or has a line break, which no column can hold"
                )
                continue
            if document.chains is None:
                problem(document.line, f"the labels of the text {document.id!r} are not known, and O would say none")
                continue
            tags = [OUTSIDE] * len(document.text)
            labels = _of_columns(single_spans(document, problem), document.line, problem)
            for label in without_overlaps(labels, document.line, problem):
                tags[label.start : label.end] = [f"I-{label.type}"] * (label.end - label.start)
                tags[label.start] = f"B-{label.type}"
            if document.text.startswith(_MARK):  # at the start of a file it would not be read as a token
                file.write("\n")
            file.writelines(f"{character}\t{tag}\n" for character, tag in zip(document.text, tags, strict=True))
            file.write("\n")


def _of_columns(labels: Iterable[Label], line: int, problem: Problem) -> Iterator[Label]:
    """The labels whose types can be written in a column; the others are reported and left out."""
    for label in labels:
        if label.type != label.type.strip(" ") or not {"\t", "\n", "\r"}.isdisjoint(label.type):
            problem(line, f"the type {label.type!r} has blanks around it or a tab, which no column can hold")
        else:
            yield label
