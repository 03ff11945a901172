"""Tables as Markdown writes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from harness.report.foreign import cell, inline
from harness.report.table import Field


def plain(lines: Sequence[Sequence[str]]) -> Iterator[str]:
    """The lines of a Markdown table. The first given line names the columns."""
    return _lines(lines[0], lines[1:])


def table(rows: Sequence[Mapping[str, Field]]) -> Iterator[str]:
    """The lines of a Markdown table. The first column holds words, the others figures."""
    return _lines(list(rows[0]), [[_marked(field) for field in row.values()] for row in rows])


def _lines(names: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield _line(names)
    yield _line(["---", *["---:"] * (len(names) - 1)])
    yield from map(_line, rows)


def _line(parts: Sequence[str]) -> str:
    return "| " + " | ".join(cell(part) for part in parts) + " |"


def _marked(field: Field) -> str:
    return f"~~{inline(field.text)}~~" if field.struck else inline(field.text)
