"""`uiebench report`: a finished run's table again."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def report(run: Annotated[Path, typer.Argument(help="A run's directory, runs/ID.")]) -> None:
    """Show a run's table and write its report.md (and claims.md) again, from its records alone."""
    show(run)


def show(directory: Path) -> int:
    """Print a run's table, write its report.md (and claims.md); returns how many rows have no baseline (0 or all)."""
    from rich.console import Console

    from harness.analyse.view import view
    from harness.record import BASELINE
    from harness.report import claims, console, markdown
    from harness.report.charts import save_all
    from harness.run.store import read_finished, read_run

    header, records = read_run(directory, warn=lambda message: print(f"uiebench: {message}", file=sys.stderr))
    seen = view(header, records, read_finished(directory))
    charts = [str(path.relative_to(directory)) for path in save_all(seen.rows, directory / "charts")]
    written = {"report.md": markdown.render(seen, charts)}
    if seen.judged:
        written["claims.md"] = claims.render(header, seen.judged)
    for name, text in written.items():
        (directory / name).write_text(text, encoding="utf-8")
    # A pipe has no width of its own; a table squeezed to 80 columns cannot be read.
    Console(width=None if sys.stdout.isatty() else 150).print(console.render(header, seen.rows))
    print("", *seen.account, sep="\n")
    print(f"\nReport: {directory / 'report.md'}")
    if seen.judged:
        print(f"The guide's claims, one by one: {directory / 'claims.md'}")
    return sum(row.combination == BASELINE and row.latency is None for row in seen.rows)
