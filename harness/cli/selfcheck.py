"""`uiebench selfcheck`: the harness measured by itself."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from harness.cli import FAILED, warn
from harness.cli.progress import with_progress


def selfcheck(
    rounds: Annotated[int, typer.Option(min=8, help="Rounds of two identical processes.")] = 60,
    checkpoint: Annotated[str, typer.Option(help="mini, base, or a ModelScope directory.")] = "mini",
    device: Annotated[str, typer.Option(help="cpu, cuda or cuda:N.")] = "cpu",
    threads: Annotated[int, typer.Option(min=1, help="CPU threads of each worker.")] = 1,
    seed: Annotated[int, typer.Option(help="Draws the order of the rounds.")] = 0,
    runs: Annotated[Path, typer.Option(help="Where runs are kept.")] = Path("runs"),
) -> None:
    """Check that identical processes raise no alarm here, that planted faults are found, and what can be resolved.

    Keeps the spread between processes for later runs on this machine. Exits with 1 where a target is missed.
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
    directory = with_progress(total(rounds), lambda step: check(options, rounds, step))
    _, records = read_run(directory, warn)
    found = findings(records)
    report = directory / "selfcheck.md"
    report.write_text("\n".join(("# selfcheck", "", *lines(found), "")), encoding="utf-8")
    print(*lines(found), f"\nReport: {report}", sep="\n")
    remember(device, threads, found.deviation.value)
    if not found.passed:
        raise typer.Exit(FAILED)
