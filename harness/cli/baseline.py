"""`uiebench baseline`: the committed files that a gate compares with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli import FAILED, warn
from harness.cli.gate import RULES, read_options
from harness.cli.options import Plugins, Runs, Threads
from harness.cli.progress import with_progress

baseline = typer.Typer(
    help="Make and show the committed files that a gate compares with.", no_args_is_help=True, rich_markup_mode=None
)
_File = Annotated[Path, typer.Argument(help="The baseline file, NAME.jsonl.")]


@baseline.command()
def update(
    file: _File,
    rules: Annotated[Path, typer.Option(help="Rules file: suite, checkpoint and device.")] = RULES,
    run: Annotated[Path | None, typer.Option(help="Use this run's directory instead of measuring.")] = None,
    plugin: Plugins = None,
    threads: Threads = 1,
    runs: Runs = Path("runs"),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything; measure nothing.")] = False,
) -> None:
    """Measure the suite of the rules and write a baseline. The same run always gives the same file."""
    from harness.analyse.baselines import write_baseline
    from harness.gate.baseline import of_directory
    from harness.report.ci.baselines import without_figures
    from harness.run.ablation import execute, prepare

    if run is None:
        _, options = read_options(rules, plugin, threads, 0, runs)
        ablation = prepare(options)
        if dry_run:
            print(f"The baseline needs {ablation.rounds} rounds. Nothing was measured.")
            return
        run = with_progress(ablation.rounds, lambda step: execute(ablation, step))
    found = of_directory(run)
    write_baseline(file, found)
    for said in without_figures(found):
        warn(f"{file} lacks figures of {said}")
    print(f"Written: {file} ({len(found.entries)} combinations, {len(found.answers)} texts)")


@baseline.command()
def show(file: _File) -> None:
    """Show what a baseline holds."""
    from harness.analyse.baselines import read_baseline
    from harness.report.ci.baselines import shown

    print(*shown(read_baseline(file)), sep="\n")


@baseline.command()
def diff(
    file: _File,
    other: Annotated[Path, typer.Argument(help="The baseline to compare with.")],
) -> None:
    """Show which figures, answers and facts differ between two baselines. Exits with 1 if any does."""
    from harness.analyse.baselines import read_baseline
    from harness.report.ci.baselines import differing

    lines = list(differing(read_baseline(file), read_baseline(other)))
    print(*(lines or ["no difference"]), sep="\n")
    if lines:
        raise typer.Exit(FAILED)
