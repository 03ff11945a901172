"""`uiebench selfcheck`: tests the tool on this machine."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli import FAILED, warn
from harness.cli.options import Checkpoint, Device, Runs, Threads
from harness.cli.progress import with_progress

if TYPE_CHECKING:
    from harness.run.ablation import Options


def selfcheck(
    rounds: Annotated[int, typer.Option(min=8, help="Rounds of two identical processes.")] = 60,
    checkpoint: Checkpoint = "mini",
    device: Device = "cpu",
    threads: Threads = 1,
    seed: Annotated[int, typer.Option(help="Seed of the random order of rounds.")] = 0,
    runs: Runs = Path("runs"),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would run, and for how long.")] = False,
) -> None:
    """Check on this machine that identical processes look equal and that planted faults are found.

    Also shows which slowdown a run detects. Stores the spread between processes for later runs on this machine.
    Exits with 1 if a target is missed, a fault is not found, or a round failed.
    """
    from harness.run.ablation import Options
    from harness.run.machine import remember
    from harness.run.store import read_run
    from harness.selfcheck.check import selfcheck as check
    from harness.selfcheck.check import total
    from harness.selfcheck.findings import findings
    from harness.selfcheck.words import lines

    options = Options(
        "selfcheck",
        checkpoint=checkpoint,
        device=device,
        threads=threads,
        seed=seed,
        directory=runs,
        command=shlex.join(["uiebench", *sys.argv[1:]]),
    )
    if dry_run:
        _show_plan(options, rounds)
        return
    directory = with_progress(total(rounds, device), lambda step: check(options, rounds, step))
    header, records = read_run(directory, warn)
    found = findings(header, records)
    report = directory / "selfcheck.md"
    report.write_text("\n".join(("# selfcheck", "", *lines(found), "")), encoding="utf-8")
    print(*lines(found), f"\nReport: {report}", sep="\n")
    remember(device, threads, found.deviation.value)
    if not found.passed:
        raise typer.Exit(FAILED)


def _show_plan(options: Options, rounds: int) -> None:
    from harness.embedded.cache import cache_directory
    from harness.run.estimate import START_S
    from harness.selfcheck.check import (
        ALONE,
        CLIENTS,
        MISANSWERS,
        estimate_s,
        partner_of,
        prepared,
        rounds_of_each,
        total,
    )
    from harness.units import format_seconds

    ablation = prepared(options)
    passes, texts = ablation.suite.measure.passes, len(ablation.examples)
    made = total(rounds, options.device)
    print(f"{made} rounds of {passes} passes each over {texts} texts, with a fresh pair of processes for each round:")
    special = {
        MISANSWERS: f", 1 pass over {texts + len(ablation.compared)} texts",
        ALONE: f", {CLIENTS} clients at once",
    }
    for combination, count in rounds_of_each(rounds, options.device).items():
        every = special.get(combination, "")
        print(f"  {count} of {combination} against {partner_of(combination)}{every}")
    print(
        f"takes about {format_seconds(estimate_s(ablation, rounds))}, assuming {START_S:g} s to start a process and "
        f"{ablation.token_s * 1e6:g} µs for each token of a row"
    )
    print(f"records and selfcheck.md in a directory of {options.directory}/, the spread in {cache_directory()}/")
