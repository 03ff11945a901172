"""A run's table for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from harness.analyse.rows import Row
from harness.record import Header
from harness.report.table import fields, folded, forms_of, summary

_LONGEST_NAME = 20  # characters of a line
_LEFT_OUT = (
    "P50",
    "RSS load",
    "VRAM load",
    "VRAM in use",
    "VRAM process",
)  # a terminal is narrow; report.md has every column


def render(run: Header, rows: Sequence[Row], verdict: str) -> RenderableType:
    """The table, then a sentence for each row, then the verdict; in between, what its short forms mean."""
    table = Table(title=f"{run.suite}: {len(run.texts)} texts on {run.device}")
    shown = [{name: field for name, field in fields(row, rows).items() if name not in _LEFT_OUT} for row in rows]
    for i, column in enumerate(shown[0]):
        table.add_column(column, justify="right" if i else "left", overflow="fold", no_wrap=not i)
    forms = forms_of(rows)
    for row, one in zip(rows, shown, strict=True):
        _, *rest = one.values()
        table.add_row(
            _name(row.combination, forms.short(row.combination)),
            *(Text(field.text, style="strike" if field.struck else "") for field in rest),
        )
    lines = [Text(line) for line in summary(rows)]
    meaning = forms.legend([forms.short(row.combination) for row in rows])
    legend = [Text(), Text(meaning)] if meaning else []
    return Group(table, Text(), *lines, *legend, Text(), Text(verdict, style="bold"))


def _name(full: str, shown: str) -> str:
    if shown == full:
        return folded(full, _LONGEST_NAME)
    return textwrap.fill(shown, _LONGEST_NAME, break_long_words=False, break_on_hyphens=False)
