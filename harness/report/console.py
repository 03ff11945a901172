"""A run's table for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from harness.analyse.rows import Row
from harness.record import Header
from harness.report.table import fields, folded, summary

_LONGEST_NAME = 20  # characters of a line
_LEFT_OUT = (
    "P50",
    "RSS load",
    "VRAM load",
    "VRAM in use",
    "VRAM process",
)  # a terminal is narrow; report.md has every column


def render(run: Header, rows: Sequence[Row], verdict: str) -> RenderableType:
    """The table, then a sentence for each row, then the verdict."""
    table = Table(title=f"{run.suite}: {len(run.texts)} texts on {run.device}")
    shown = [{name: field for name, field in fields(row, rows).items() if name not in _LEFT_OUT} for row in rows]
    for i, column in enumerate(shown[0]):
        table.add_column(column, justify="right" if i else "left", overflow="fold", no_wrap=not i)
    for one in shown:
        name, *rest = one.values()
        table.add_row(
            folded(name.text, _LONGEST_NAME),
            *(Text(field.text, style="strike" if field.struck else "") for field in rest),
        )
    lines = [Text(line) for line in summary(rows)]
    return Group(table, Text(), *lines, Text(), Text(verdict, style="bold"))
