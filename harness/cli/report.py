"""`uiebench report`: shows a run's table and writes its reports."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli import warn
from harness.cli.options import RunDirectory
from harness.cli.viewing import read_view

if TYPE_CHECKING:
    from harness.analyse.view import View


def report(
    run: RunDirectory,
    no_texts: Annotated[
        bool, typer.Option("--no-texts", help="Leave out every text and span, to pass the report on.")
    ] = False,
    form: Annotated[
        str | None, typer.Option("--format", help="Print the figures in this format (see `uiebench list`); no file.")
    ] = None,
) -> None:
    """Show a run's table, and write its report.html, report.md (and claims.md) from its records."""
    if form is None:
        show(run, no_texts=no_texts)
    else:
        from harness.report.formats import Run, find_format, not_counted

        found = find_format(form, lambda one: one.for_reports)
        seen = read_view(run, no_texts=no_texts)
        sys.stdout.write(found.report(Run(seen.header, seen.records, seen.rows, datetime.now(UTC))))
        what = "left out" if found.leaves_out else "speed_counts is false for"
        for said in not_counted(seen.rows):
            warn(f"{what} {said}")


def show(directory: Path, *, no_texts: bool = False) -> int:
    """Print a run's table and write its reports. Returns how many baseline rows were not measured (0 is fine)."""
    from harness.cli.out import show as show_table
    from harness.record import BASELINE
    from harness.report import claims, console, html, markdown
    from harness.report.advice import verdict
    from harness.report.charts import save_all

    seen = read_view(directory, no_texts=no_texts)
    charts = save_all(seen, directory / "charts")
    svgs = {chart.stem: chart.with_suffix(".svg").read_bytes() for chart in charts}
    written = {
        "report.md": markdown.render(seen, [str(chart.relative_to(directory)) for chart in charts]),
        "report.html": html.render(seen, svgs, None if no_texts else _texts(directory, seen)),
    }
    if seen.judged:
        written["claims.md"] = claims.render(seen.header, seen.judged)
    for name, text in written.items():
        (directory / name).write_text(text, encoding="utf-8")
    # A pipe has no width of its own; a table squeezed to 80 columns cannot be read.
    show_table(console.render(seen.header, seen.rows, verdict(seen)), None if sys.stdout.isatty() else 150)
    print("", *seen.account, sep="\n")
    print(f"\nReport: {directory / 'report.html'} (for a browser), {directory / 'report.md'}")
    if seen.judged:
        print(f"The guide's claims, one by one: {directory / 'claims.md'}")
    return sum(row.combination == BASELINE and not row.measured for row in seen.rows)


def _texts(directory: Path, seen: View) -> Mapping[str, str]:
    """The texts on which answers differ, by id, as far as their datasets still exist."""
    from msgspec import convert

    from harness.errors import UiebenchError
    from harness.plan.suite import Texts, read_suite
    from harness.run.texts import read_examples

    wanted = {one.id for row in seen.rows for one in (*row.broken, *row.ties)}
    if not wanted:
        return {}
    try:
        asked = seen.header.asked
        texts = convert(asked, Texts) if asked else read_suite(directory / "suite.toml").texts
        return {one.id: one.text for one in read_examples(texts, lambda _: None) if one.id in wanted}
    except (UiebenchError, OSError) as error:
        warn(f"the report shows no texts: {error}")
        return {}
