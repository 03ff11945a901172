"""The records of CSV and TSV files, each with the line that it begins on."""

from __future__ import annotations

import csv
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice

from harness.data.formats.document import Problem

TAB = "\t"
_DELIMITERS = (",", ";", TAB, "|")
_MOST_LINES = 1000  # of one quoted field; a quote that closes later is taken for a character
_UNQUOTED = "a quote opens a field and does not close it; it is read as a character (double it, and quote the field)"

Line = tuple[int, str]
Record = tuple[int, list[str]]

csv.field_size_limit(sys.maxsize)  # a text may be long


def delimiter_of(header: str, wanted: set[str], default: str) -> str:
    """What stands between the names of a header: what shows one of those wanted, or else the most names."""
    names = {one: names_of(header, one) for one in (default, *_DELIMITERS)}
    return max(names, key=lambda one: (not wanted.isdisjoint(names[one]), len(names[one])))


def names_of(header: str, delimiter: str) -> list[str]:
    """The names of the columns, in lower case, without surrounding blanks."""
    return [name.strip().casefold() for name in _fields(header, delimiter) or header.split(delimiter)]


def records(lines: Iterable[Line], delimiter: str, width: int, problem: Problem) -> Iterator[Record]:
    """The fields of each record; a field may be quoted, and then holds delimiters, line ends and doubled quotes.

    A quote that does not close properly is a character; it is reported unless the file is tab-separated.

    Args:
        lines: with their numbers.
        delimiter: between two fields.
        width: the header's fields.
        problem: called with faults.
    """
    source, ahead = iter(lines), deque[Line]()
    while (begun := ahead.popleft() if ahead else next(source, None)) is not None:
        number, line = begun
        if not line.strip():
            continue
        fields = line.split(delimiter) if '"' not in line else _fields(line, delimiter)
        if fields is None and _is_open(line, delimiter):
            ahead.extend(islice(source, _MOST_LINES - len(ahead)))
            fields = _joined(line, ahead, delimiter, width)
        if fields is None:
            fields = line.split(delimiter)
            if delimiter != TAB:
                problem(number, _UNQUOTED)
        yield number, fields


def _joined(line: str, ahead: deque[Line], delimiter: str, width: int) -> list[str] | None:
    """The fields of a record that goes on over further lines, which are taken; None where no quote closes it.

    In a file of tabs, lines that look like records of their own are taken for that.
    """
    text = line
    for used, (_, added) in enumerate(ahead, 1):
        text += "\n" + added
        if delimiter == TAB and width > 1 and len(added.split(TAB)) == width:
            break
        if '"' in added:
            fields = _fields(text, delimiter)
            if fields is not None:
                for _ in range(used):
                    ahead.popleft()
                return fields
            if not _is_open(text, delimiter):
                break
    return None


def _fields(text: str, delimiter: str) -> list[str] | None:
    """The fields of one record; None if its quotes are faulty."""
    try:
        found = list(csv.reader([text], delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    return found[0] if len(found) == 1 else None


def _is_open(text: str, delimiter: str) -> bool:
    """Whether a quote is still open at the end: closing it there makes the record a proper one."""
    return _fields(text + '"', delimiter) is not None
