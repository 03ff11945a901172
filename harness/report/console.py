"""A run's table for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from harness.analyse.compare import Row
from harness.record import Header
from harness.report.advice import advice
from harness.report.table import fields, header, summary


def render(run: Header, rows: Sequence[Row]) -> RenderableType:
    """The table, then a sentence per row."""
    table = Table(title=f"{run.suite}: {len(run.texts)} texts on {run.device}")
    for i, name in enumerate(header(rows)):
        table.add_column(name, justify="right" if i else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(field.text, style="strike" if field.struck else "") for field in fields(row, rows)))
    lines = [Text(line) for line in summary(rows)]
    return Group(table, Text(), *lines, Text(), Text(advice(rows), style="bold"))
