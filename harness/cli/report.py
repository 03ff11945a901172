"""`uiebench report`: a finished run's table again."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def report(run: Annotated[Path, typer.Argument(help="A run's directory, runs/ID.")]) -> None:
    """Show a run's table and write its report.md again, from its records alone."""
    show(run)


def show(directory: Path) -> int:
    """Print the table of a run, write report.md; returns how many rows have no baseline to stand on (0 or all)."""
    from rich.console import Console

    from harness.analyse.attribution import attribute
    from harness.analyse.compare import compare
    from harness.analyse.course import course
    from harness.analyse.noise import noise
    from harness.record import BASELINE
    from harness.report import console, markdown
    from harness.report.charts import save_all
    from harness.run.store import read_finished, read_run

    header, records = read_run(directory, warn=lambda message: print(f"uiebench: {message}", file=sys.stderr))
    rows, spread = compare(header, records)
    charts = [str(path.relative_to(directory)) for path in save_all(rows, directory / "charts")]
    disturbed = noise(records)
    account = [*disturbed, *course(records, read_finished(directory))]
    written = markdown.render(header, rows, spread, noise=account, charts=charts, found=attribute(records, rows))
    (directory / "report.md").write_text(written, encoding="utf-8")
    # A pipe has no width of its own; a table squeezed to 80 columns cannot be read.
    Console(width=None if sys.stdout.isatty() else 150).print(console.render(header, rows))
    print("", *disturbed, sep="\n")
    print(f"\nReport: {directory / 'report.md'}")
    return sum(row.combination == BASELINE and row.latency is None for row in rows)
