"""`uiebench run`: the ablation."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli import FAILED, warn
from harness.cli.options import Checkpoint, Device, Plugins, Runs, Seed, Threads
from harness.cli.progress import resumable
from harness.cli.report import show
from harness.units import parse_duration

if TYPE_CHECKING:
    from harness.run.ablation import Ablation


def run(
    suite: Annotated[str, typer.Argument(help="A suite's name (see `uiebench list`), or a .toml file.")] = "demo",
    checkpoint: Checkpoint = "mini",
    device: Device = "cpu",
    threads: Threads = 1,
    seed: Seed = 0,
    plugin: Plugins = None,
    runs: Runs = Path("runs"),
    budget: Annotated[str | None, typer.Option(help="Wall time, like 45m; the report names what is missing.")] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="Combinations to measure, like '*batching*' or 'all but batching'.")
    ] = None,
    skip: Annotated[list[str] | None, typer.Option(help="Combinations to leave out, written as in --only.")] = None,
    with_: Annotated[
        list[str] | None, typer.Option("--with", help="An extra combination, or a file from `recommend`.")
    ] = None,
    format_name: Annotated[
        str | None, typer.Option("--format", help="Format of the suite's text files; default: guessed.")
    ] = None,
    peer_python: Annotated[
        Path | None, typer.Option(help="Python interpreter of the environment with the suite's peers.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start anew; do not continue an interrupted run.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would run, and for how long.")] = False,
) -> None:
    """Measure every combination of a suite, and report what each gains."""
    from harness.deploy import find_deployment
    from harness.run.ablation import Options, execute, prepare

    command = shlex.join(["uiebench", *sys.argv[1:]])
    options = Options(
        suite,
        checkpoint=checkpoint,
        device=device,
        threads=threads,
        seed=seed,
        plugins=tuple(plugin or ()),
        directory=runs,
        command=command,
        budget_s=None if budget is None else parse_duration(budget),
        only=tuple(only or ()),
        skip=tuple(skip or ()),
        include=tuple(find_deployment(written).combination for written in with_ or ()),
        fresh=fresh,
        format=format_name,
        peer_python=peer_python,
    )
    ablation = prepare(options, warn)
    if dry_run:
        _show_plan(ablation)
        return
    directory = resumable(ablation.rounds, lambda step: execute(ablation, step, warn=warn))
    if show(directory):
        raise typer.Exit(FAILED)


def _show_plan(ablation: Ablation) -> None:
    from harness.analyse.winner import CONTENDERS
    from harness.plan.short_forms import short_forms
    from harness.run.estimate import START_S
    from harness.units import format_seconds

    measure = ablation.suite.measure
    print(f"{len(ablation.plan)} combinations x {', '.join(measure.scenarios)} on {len(ablation.examples)} texts:")
    forms = short_forms(planned.combination for planned in ablation.plan)
    shown = [forms.short(planned.combination) for planned in ablation.plan]
    for name, planned in zip(shown, ablation.plan, strict=True):
        why = planned.reason or planned.fault
        print(f"  {name}" + (f"  (cannot run: {why})" if why else ""))
    if meaning := forms.legend(shown):
        print(meaning)
    print(f"{measure.rounds} round(s) of {measure.passes} passes each, with a fresh pair of processes for each round")
    if measure.confirm:
        print(f"{measure.confirm} confirming round(s) for each of the {CONTENDERS} that look fastest")
    print(
        f"takes about {format_seconds(ablation.estimate_s)}, assuming {START_S:g} s to start a process and "
        f"{ablation.token_s * 1e6:g} µs for each token of a row"
    )
