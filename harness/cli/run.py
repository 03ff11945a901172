"""`uiebench run`: the ablation."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli import FAILED, warn
from harness.cli.progress import resumable
from harness.cli.report import show
from harness.units import parse_duration

if TYPE_CHECKING:
    from harness.run.ablation import Ablation


def run(
    suite: Annotated[str, typer.Argument(help="A suite's name (see `uiebench list`), or a .toml file.")] = "demo",
    checkpoint: Annotated[str, typer.Option(help="mini, base, or a ModelScope directory.")] = "mini",
    device: Annotated[str, typer.Option(help="cpu, cuda or cuda:N.")] = "cpu",
    threads: Annotated[int, typer.Option(min=1, help="CPU threads of each worker.")] = 1,
    seed: Annotated[int, typer.Option(help="Draws the order of the combinations.")] = 0,
    plugin: Annotated[list[Path] | None, typer.Option(help="A Python file with optimizations; repeatable.")] = None,
    runs: Annotated[Path, typer.Option(help="Where runs are kept.")] = Path("runs"),
    budget: Annotated[str | None, typer.Option(help="Wall time in all, like 45m; what is left out says so.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="Combinations to measure, like '*batching*'.")] = None,
    skip: Annotated[list[str] | None, typer.Option(help="Combinations to leave out.")] = None,
    with_: Annotated[
        list[str] | None, typer.Option("--with", help="A combination more, or a file of `recommend`.")
    ] = None,
    format_name: Annotated[
        str | None, typer.Option("--format", help="Of the suite's files of texts; guessed if not given.")
    ] = None,
    peer_python: Annotated[
        Path | None, typer.Option(help="The interpreter of the environment that the suite's peers are in.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Do not go on with an interrupted run of the same.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would run, and how long.")] = False,
) -> None:
    """Measure every combination of a suite, and report what each brings."""
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
    from harness.run.estimate import START_S
    from harness.units import format_seconds

    measure = ablation.suite.measure
    print(f"{len(ablation.plan)} combinations x {', '.join(measure.scenarios)} on {len(ablation.examples)} texts:")
    for planned in ablation.plan:
        why = planned.reason or planned.fault
        print(f"  {planned.combination}" + (f"  (cannot run: {why})" if why else ""))
    print(f"{measure.rounds} round(s) of {measure.passes} passes each, a fresh pair of processes a round")
    if measure.confirm:
        print(f"{measure.confirm} confirming round(s) more for each of the {CONTENDERS} that look fastest")
    print(
        f"about {format_seconds(ablation.estimate_s)}, if a start takes {START_S:g} s and a token of a row "
        f"{ablation.token_s * 1e6:g} µs"
    )
