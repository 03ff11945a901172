"""The commands, one file each."""

from __future__ import annotations

import typer

from harness.cli.extract import extract
from harness.cli.listing import listing
from harness.cli.report import report
from harness.cli.run import run

app = typer.Typer(
    help="Which inference optimizations make an extractor faster without changing a single answer.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(extract)
app.command()(run)
app.command()(report)
app.command(name="list")(listing)
