"""`uiebench tune`: searches the best combination and parameters under constraints."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli import FAILED, warn
from harness.cli.options import Checkpoint, Device, Plugins, Runs, Threads
from harness.cli.progress import resumable
from harness.cli.recommend import FILE, limits_of
from harness.units import parse_duration

if TYPE_CHECKING:
    from harness.tune.plan import Prepared
    from harness.tune.tune import Found

_BUDGET = "20m"  # where neither a budget nor a number of trials is given


def tune(
    suite: Annotated[str, typer.Argument(help="A suite (name or file): which texts, and how to measure.")] = "tune",
    checkpoint: Checkpoint = "mini",
    device: Device = "cpu",
    threads: Threads = 1,
    seed: Annotated[int, typer.Option(min=0, max=(1 << 32) - 1_000_000, help="Seed of the search.")] = 0,
    plugin: Plugins = None,
    runs: Runs = Path("runs"),
    budget: Annotated[
        str | None, typer.Option(help=f"Wall time, confirmation included; {_BUDGET} if --trials is not given.")
    ] = None,
    trials: Annotated[int | None, typer.Option(min=1, help="How many combinations to try.")] = None,
    max_memory: Annotated[
        str | None, typer.Option(help="Peak memory while serving, like 400MiB; of the GPU if there is one.")
    ] = None,
    max_cold_start: Annotated[str | None, typer.Option(help="From process start to first answer, like 2s.")] = None,
    exact: Annotated[
        bool, typer.Option("--exact/--inexact", help="Keep every answer, or lose no more F1 than the suite allows.")
    ] = True,
    skip: Annotated[list[str] | None, typer.Option(help="Optimizations to leave out, like 'torch*'.")] = None,
    from_: Annotated[
        Path | None, typer.Option("--from", help="A run's directory: start with its fastest combinations.")
    ] = None,
    resume: Annotated[Path | None, typer.Option(help="Continue the search in this directory.")] = None,
    format_name: Annotated[
        str | None, typer.Option("--format", help="Format of the suite's text files; default: guessed.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start anew; do not continue an unfinished search.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be searched.")] = False,
) -> None:
    """Search combinations and their parameters, and confirm the fastest on texts that the search did not time.

    Writes a file for `extract --with` and `run --with`. Exits with 1 if nothing keeps the constraints, or if stock does
    and nothing is clearly faster. The same command continues a search that was interrupted or whose budget ended.
    """
    from harness.run.ablation import Options
    from harness.tune.plan import Wanted, prepare
    from harness.tune.tune import tune as search

    if budget is None and trials is None:
        budget = _BUDGET
    memory = "max_vram" if device.startswith("cuda") else "max_rss"
    called = {memory: "--max-memory"}
    options = Options(
        suite,
        checkpoint=checkpoint,
        device=device,
        threads=threads,
        seed=seed,
        plugins=tuple(plugin or ()),
        directory=runs,
        command=shlex.join(["uiebench", *sys.argv[1:]]),
        budget_s=None if budget is None else parse_duration(budget),
        fresh=fresh,
        format=format_name,
    )
    wanted = Wanted(
        limits_of(called, **{memory: max_memory, "max_cold_start": max_cold_start}),
        inexact=not exact,
        trials=trials,
        begin_with=from_,
        resume=resume,
        skip=tuple(skip or ()),
    )
    prepared = prepare(options, wanted, warn)
    if dry_run:
        _show_plan(prepared)
        return
    found = resumable(prepared.rounds, lambda step: search(prepared, step, warn=warn))
    _show(found, prepared)
    if found.winner is None or found.stays:
        raise typer.Exit(FAILED)


def _show(found: Found, prepared: Prepared) -> None:
    from harness.deploy import Deployment, write_deployment
    from harness.tune.words import as_data, lines

    said = [*lines(found)]
    print(*said, sep="\n")
    report = found.directory / "tune.md"
    report.write_text("\n".join(("# tune", "", *said, "")), encoding="utf-8")
    (found.directory / "tune.json").write_text(
        json.dumps(as_data(found), ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )
    print(f"\nReport: {report}")
    if found.winner is not None and not found.stays:
        options = prepared.ablation.options
        plugins = [str(path.resolve()) for path in options.plugins]
        chosen = Deployment(found.winner.row.combination, options.checkpoint, options.device, plugins)
        write_deployment(found.directory / FILE, chosen, f"by `uiebench tune`, in {found.directory}")
        print(f"Written: {found.directory / FILE}")


def _show_plan(prepared: Prepared) -> None:
    from harness.units import format_seconds

    ablation = prepared.ablation
    print(f"{len(ablation.examples)} texts to search with, {len(prepared.kept_back)} held back for the confirmation")
    for switch in prepared.space.switches:
        knobs = "; ".join(f"{knob.name}: {', '.join(map(str, knob.choices))}" for knob in switch.knobs)
        print(f"  {switch.name}" + (f"  ({knobs})" if knobs else ""))
    for name, why in prepared.space.left_out.items():
        print(f"  without {name}: {why}")
    print(f"up to {prepared.measure.rounds} round(s) of {prepared.measure.passes} passes each for a combination")
    print(f"{prepared.confirm} round(s) for the confirmation")
    print(f"about {prepared.rounds} rounds in all, each about {format_seconds(prepared.round_s)} if nothing else runs")
