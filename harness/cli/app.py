"""The commands, one file each."""

from __future__ import annotations

import typer

from harness.cli.baseline import baseline
from harness.cli.cache import cache
from harness.cli.calibrate import calibrate
from harness.cli.chart import chart
from harness.cli.compare import compare
from harness.cli.data import data
from harness.cli.doctor import doctor
from harness.cli.evaluate import evaluate
from harness.cli.extract import extract
from harness.cli.gate import gate
from harness.cli.gate_init import init
from harness.cli.listing import listing
from harness.cli.recommend import recommend
from harness.cli.report import report
from harness.cli.run import run
from harness.cli.selfcheck import selfcheck
from harness.cli.train import train
from harness.cli.tune import tune

app = typer.Typer(
    help="Which inference optimizations make an extractor faster without changing a single answer.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(extract)
app.command()(run)
app.command()(selfcheck)
app.command()(doctor)
app.command()(report)
app.command()(chart)
app.command()(compare)
app.command()(recommend)
app.command()(tune)
app.command()(evaluate)
app.command()(calibrate)
app.command()(train)
app.command(name="list")(listing)
gate.command()(init)
app.add_typer(gate, name="gate")
app.add_typer(baseline, name="baseline")
app.add_typer(cache, name="cache")
app.add_typer(data, name="data")
