"""All figures of a run as a table for a spreadsheet or a data frame."""

from __future__ import annotations

import csv
import io

from harness.report.flat import Figure, flat
from harness.report.formats import Run
from harness.report.one_line import one_line

DESCRIPTION = "all figures, a line per combination"


def of_run(run: Run) -> str:
    """A line a combination; an empty field is nothing measured."""
    lines = [flat(row) for row in run.rows]
    columns = list(dict.fromkeys(name for line in lines for name in line))
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _field(value) for name, value in line.items()} for line in lines)
    return out.getvalue()


def _field(value: Figure) -> Figure:
    """Text on one line, and none that a spreadsheet would calculate or a CI service obey: a quote before it says so."""
    if not isinstance(value, str):
        return value
    text = one_line(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "::")) else text
