"""`uiebench recommend`: what to switch on under constraints."""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

import typer

from harness.cli import FAILED
from harness.cli.options import RunDirectory
from harness.cli.viewing import read_view
from harness.record import STOCK

FILE = "combination.toml"


class Best(StrEnum):
    """What to optimize."""

    time = "time"
    p95 = "p95"
    memory = "memory"
    qps = "qps"
    offline = "offline"
    cold_start = "cold_start"


def recommend(
    run: RunDirectory,
    max_vram: Annotated[str | None, typer.Option(help="GPU memory of the process, like 2GiB.")] = None,
    max_rss: Annotated[str | None, typer.Option(help="Peak host memory while serving, like 1GiB.")] = None,
    max_p95: Annotated[str | None, typer.Option(help="P95 of a request, like 800ms.")] = None,
    max_cold_start: Annotated[str | None, typer.Option(help="From process start to first answer, like 5s.")] = None,
    min_qps: Annotated[float | None, typer.Option(min=0, help="Requests per second in closed_loop.")] = None,
    min_f1_delta: Annotated[
        float | None, typer.Option(help="Also allow changed answers, if F1 loses at most this, like -0.1 points.")
    ] = None,
    objective: Annotated[Best, typer.Option(help="What to optimize.")] = Best.time,
    output: Annotated[Path | None, typer.Option(help=f"File to write; default: RUN/{FILE}.")] = None,
) -> None:
    """Name the best combination of a run that keeps the constraints, and what each constraint costs.

    The targets of the run's suite are constraints too, unless an option sets another limit. Only exact combinations are
    considered, unless --min-f1-delta is given. Writes a file for `extract --with` and `run --with`. Exits with 1, and
    writes nothing, if no combination keeps the constraints, or if stock keeps them and none is clearly better.
    """
    from harness.analyse.recommend import Constraints, determines
    from harness.analyse.recommend import recommend as choose
    from harness.deploy import Deployment, write_deployment
    from harness.errors import InputError
    from harness.report.recommend import lines, shown
    from harness.report.table import forms_of

    if min_f1_delta is not None and math.isinf(min_f1_delta):
        raise InputError("--min-f1-delta has to be finite; write the points of F1 that may be lost, like -0.1")
    asked = limits_of(
        max_vram=max_vram, max_rss=max_rss, max_p95=max_p95, max_cold_start=max_cold_start, min_qps=min_qps
    )
    seen = read_view(run)
    targets = {name: limit for name, limit in seen.header.targets.items() if name not in asked}
    held = {name: limit for name, limit in targets.items() if determines(seen.rows, name, limit)}
    constraints = Constraints({**held, **asked}, min_f1_delta)
    found = choose(seen.rows, constraints, objective.value)
    for name in targets:
        left_out = "" if name in held else ", left out because this run cannot decide it"
        print(f"A target of the suite: {shown(name, Constraints(targets))}{left_out}")
    print(*lines(found, constraints, forms_of(seen.rows)), sep="\n")
    if found.best is None or found.best.combination == STOCK:
        raise typer.Exit(FAILED)
    path = output or run / FILE
    chosen = Deployment(found.best.combination, seen.header.checkpoint, seen.header.device)
    write_deployment(path, chosen, f"by `uiebench recommend {run}`")
    print(f"\nWritten: {path}")


def limits_of(called: Mapping[str, str] = MappingProxyType({}), /, **asked: Any) -> dict[str, float]:
    """Convert the given constraints to nanoseconds, bytes and requests per second.

    Args:
        called: the name of an option, if it does not follow from the limit's name.
        asked: the constraints as written, by the limit's name.

    Raises:
        InputError: one has a wrong unit, or is not above 0.
    """
    from harness.errors import InputError
    from harness.plan.suite import Targets

    try:
        return Targets(**asked).limits()
    except ValueError as error:
        name, said = str(error).split(": ", 1)
        raise InputError(f"{called.get(name, '--' + name.replace('_', '-'))}: {said}") from None
