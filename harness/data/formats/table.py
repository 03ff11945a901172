"""Tables with a column of texts: CSV and Parquet, without labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from harness.data.formats import parquet
from harness.data.formats.document import Document, Problem
from harness.data.formats.lines import named
from harness.data.formats.records import TAB, delimiter_of, names_of, records
from harness.errors import InputError
from harness.textfile import read_lines

NAME = "table"
DESCRIPTION = "a .csv, .tsv or .parquet file with a column 'text' (or 文本, content, sentence), unlabelled"
_COLUMNS = ("text", "文本", "content", "sentence")  # in any case, with blanks around them
_ID = "id"
_SUFFIXES = {".csv": ",", ".tsv": TAB, ".parquet": ""}
_SEPARATOR = "sep="  # Excel's first line, which names the delimiter
_SHOWN = 40  # characters of a row in a message

Row = tuple[int, Any, Any]  # its line (or, in Parquet, its number), id and text


def recognise(path: Path, _: str) -> bool:
    """By its name."""
    return path.suffix.lower() in _SUFFIXES


def read(path: Path, problem: Problem) -> Iterator[Document]:
    """One document per row, with the column ``id`` for its id if there is one.

    Raises:
        InputError: no column holds texts, two have one name, or a Parquet file cannot be read here.
    """
    for number, id_, text in _parquet(path) if path.suffix.lower() == ".parquet" else _csv(path, problem):
        try:
            name = named({"id": id_}, number)
        except InputError as error:
            problem(number, str(error))
            continue
        if not isinstance(text, str) or not text.strip():
            problem(number, "the column of texts is empty")
        elif "\0" in text:
            problem(number, "the text holds a NUL character; save the file as UTF-8 text")
        else:
            yield Document(name, text, None, number)


def _parquet(path: Path) -> Iterator[Row]:
    names = [name.strip().casefold() for name in parquet.names(path)]
    id_, text = _places(path, names)
    for number, row in parquet.rows(path, text):
        yield number, None if id_ is None else row[id_], row[text]


def _csv(path: Path, problem: Problem) -> Iterator[Row]:
    lines = ((number, line) for number, line in read_lines(path, problem) if number > 1 or line.strip())
    _, header = next(lines, (0, ""))
    default = _SUFFIXES.get(path.suffix.lower()) or ","
    if header.lower().startswith(_SEPARATOR):
        default, (_, header) = header[len(_SEPARATOR) :][:1] or default, next(lines, (0, ""))
    delimiter = delimiter_of(header, set(_COLUMNS), default)
    names = names_of(header, delimiter)
    id_, text = _places(path, names)
    for number, fields in records(lines, delimiter, len(names), problem):
        if len(fields) == len(names):
            yield number, None if id_ is None else fields[id_], fields[text]
        else:
            problem(number, _uneven(fields, names, delimiter))


def _places(path: Path, names: Sequence[str]) -> tuple[int | None, int]:
    """The indices of the columns of ids and of texts."""
    text = next((name for name in _COLUMNS if name in names), None)
    if text is None:
        found = ", ".join(names) or "none"
        raise InputError(f"{path} has no column {' or '.join(_COLUMNS)} but {found}; rename one")
    for name, count in Counter(names).items():
        if count > 1 and name in (_ID, text):
            raise InputError(f"{path} has {count} columns called {name!r}; rename all but one")
    return (names.index(_ID) if _ID in names else None), names.index(text)


def _uneven(fields: Sequence[str], names: Sequence[str], delimiter: str) -> str:
    row = delimiter.join(fields)
    shown = row if len(row) <= _SHOWN else f"{row[:_SHOWN]}…"
    mend = f"put a field that holds {delimiter!r} between quotes" if len(fields) > len(names) else "fill in the others"
    return f"the row {shown!r} has {len(fields)} fields, and the header {len(names)}; {mend}"
