"""CoNLL columns: a character and its tag a line, texts apart by an empty line; BIO, BMES and BIOES tags."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from harness.data.formats.document import Document, Label, Problem, labelled, single_spans, without_overlaps

NAME = "conll"
DESCRIPTION = "a token and its tag a line (B-, I-, M-, E-, S-, O), an empty line between texts; written as BIO"
_BEGINS, _SINGLE, _ENDS, _INSIDE = "B", "SU", "EL", "IM"
_OUTSIDE = "O"


def recognise(_: Path, sample: str) -> bool:
    """By the first lines having a tag each."""
    lines = sample.split("\n")
    rows = [line for line in lines[:50] if line.strip()][:-1] or lines[:1]
    return bool(rows) and all(_is_tag(_split(row)[1]) for row in rows)


def _is_tag(written: str) -> bool:
    kind, dash, type_ = written.partition("-")
    return written == _OUTSIDE or (
        len(kind) == 1 and kind in _BEGINS + _SINGLE + _ENDS + _INSIDE and bool(dash and type_)
    )


def _split(row: str) -> tuple[str, str]:
    """The token and the tag, which is the last column; a token may be a space."""
    token, _, tag = row.rpartition("\t") if "\t" in row else row.rpartition(" ")
    return token.split("\t")[0] if token.strip() else token, tag


def read(path: Path, problem: Problem) -> Iterator[Document]:
    """Tokens are put together without anything between them."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        rows: list[str] = []
        begun = count = 0
        for number, line in enumerate((*file, ""), 1):
            row = line.rstrip("\r\n")
            if row.strip() or "\t" in row:
                begun = begun if rows else number
                rows.append(row)
            elif rows:
                count += 1
                yield _document(rows, str(count), begun, problem)
                rows = []


def _document(rows: Sequence[str], id_: str, begun: int, problem: Problem) -> Document:
    text, labels = "", []
    open_: tuple[int, str] | None = None  # where a span began, and its type

    def close() -> None:
        nonlocal open_
        if open_ is not None:
            labels.append(Label(open_[0], len(text), open_[1]))
        open_ = None

    for number, row in enumerate(rows, begun):
        token, tag = _split(row)
        kind, _, type_ = tag.partition("-")
        if not _is_tag(tag):
            problem(number, f"the tag {tag!r} is none of B-, I-, M-, E-, S-TYPE and O; taken for O")
            kind, type_ = _OUTSIDE, ""
        goes_on = kind in _INSIDE + _ENDS and open_ is not None and open_[1] == type_
        if not goes_on:
            close()
            if kind in _INSIDE + _ENDS:
                problem(number, f"the tag {tag!r} goes on with a span that did not begin; taken for its beginning")
            if kind != _OUTSIDE:
                open_ = (len(text), type_)
        text += token
        if kind in _ENDS + _SINGLE:
            close()
    close()
    return labelled(id_, text, labels, begun, problem)


def write(documents: Iterable[Document], path: Path, problem: Problem) -> None:
    """Single spans that do not overlap, a character a line; a text with a line break cannot be held."""
    with path.open("w", encoding="utf-8") as file:
        for document in documents:
            if not document.text or not {"\n", "\r"}.isdisjoint(document.text):
                problem(
                    document.line, f"the text {document.id!r} is empty or has a line break, which no column can hold"
                )
                continue
            tags = [_OUTSIDE] * len(document.text)
            for label in without_overlaps(single_spans(document, problem), document.line, problem):
                tags[label.start : label.end] = [f"I-{label.type}"] * (label.end - label.start)
                tags[label.start] = f"B-{label.type}"
            file.writelines(f"{character}\t{tag}\n" for character, tag in zip(document.text, tags, strict=True))
            file.write("\n")
