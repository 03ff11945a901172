"""Tables as Markdown writes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from harness.report.one_line import one_line
from harness.report.table import Field


def plain(lines: Sequence[Sequence[str]]) -> Iterator[str]:
    """A table of text; its first line names the columns."""
    return table([{name: Field(text) for name, text in zip(lines[0], line, strict=True)} for line in lines[1:]])


def table(rows: Sequence[Mapping[str, Field]]) -> Iterator[str]:
    """The lines of a table; the first column is of words, the others of figures."""
    names = list(rows[0])
    yield _line(names)
    yield _line(["---", *["---:"] * (len(names) - 1)])
    yield from (_line([_marked(field) for field in row.values()]) for row in rows)


def _line(parts: Sequence[str]) -> str:
    return "| " + " | ".join(one_line(part).replace("|", "\\|") for part in parts) + " |"


def _marked(field: Field) -> str:
    return f"~~{field.text}~~" if field.struck else field.text
