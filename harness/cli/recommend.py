"""`uiebench recommend`: what to switch on under constraints."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from harness.cli import FAILED
from harness.cli.viewing import read_view
from harness.record import STOCK
from harness.units import NS_PER_S, parse_bytes, parse_duration

FILE = "combination.toml"


class Best(StrEnum):
    """What is to be best."""

    time = "time"
    p95 = "p95"
    memory = "memory"
    qps = "qps"
    cold_start = "cold_start"


def recommend(
    run: Annotated[Path, typer.Argument(help="A run's directory, runs/ID.")],
    max_vram: Annotated[str | None, typer.Option(help="Peak memory on the device while serving, like 2GiB.")] = None,
    max_rss: Annotated[str | None, typer.Option(help="Peak host memory while serving, like 1GiB.")] = None,
    max_p95: Annotated[str | None, typer.Option(help="P95 of a request, like 800ms.")] = None,
    min_f1_delta: Annotated[
        float | None, typer.Option(help="Let inexact ones in that lose at most so much F1, like -0.1 (points of 100).")
    ] = None,
    objective: Annotated[Best, typer.Option(help="What is to be best.")] = Best.time,
    output: Annotated[Path | None, typer.Option(help=f"Where the combination goes; default: RUN/{FILE}.")] = None,
) -> None:
    """Name the best combination of a run that keeps the constraints, and what each constraint costs.

    Only exact ones, unless --min-f1-delta is given. Writes a file that `extract --with` and `run --with` take. Exits
    with 1, and writes nothing, where no combination keeps the constraints, or stock does and none clearly beats it.
    """
    from harness.analyse.recommend import Constraints
    from harness.analyse.recommend import recommend as choose
    from harness.deploy import Deployment, write_deployment
    from harness.report.recommend import lines

    seen = read_view(run)
    constraints = Constraints(
        max_vram_bytes=None if max_vram is None else parse_bytes(max_vram),
        max_rss_bytes=None if max_rss is None else parse_bytes(max_rss),
        max_p95_ns=None if max_p95 is None else parse_duration(max_p95) * NS_PER_S,
        min_f1_delta=min_f1_delta,
    )
    found = choose(seen.rows, constraints, objective.value)
    print(*lines(found, constraints), sep="\n")
    if found.best is None or found.best.combination == STOCK:
        raise typer.Exit(FAILED)
    path = output or run / FILE
    chosen = Deployment(found.best.combination, seen.header.checkpoint, seen.header.device)
    write_deployment(path, chosen, f"by `uiebench recommend {run}`")
    print(f"\nWritten: {path}")
