"""`uiebench compare`: runs side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli import warn
from harness.errors import InputError


def compare(
    runs: Annotated[list[Path], typer.Argument(help="Two runs' directories or more; the others against the first.")],
    absolute: Annotated[
        bool, typer.Option("--absolute", help="Show times although the runs are of different devices.")
    ] = False,
) -> None:
    """Compare runs, combination by combination: two commits, two devices, two models."""
    from harness.analyse.runs import side_by_side
    from harness.analyse.view import View, view
    from harness.report.runs import render
    from harness.run.store import read_finished, read_run

    if len(runs) < 2:
        raise InputError("compare takes two runs or more; name another directory, runs/ID")
    found: dict[str, View] = {}
    for place, directory in enumerate(runs, 1):
        header, records = read_run(directory, warn)
        name = str(directory) if str(directory) not in found else f"{directory} ({place})"
        found[name] = view(header, records, read_finished(directory))
    print(render(side_by_side(found), absolute=absolute), end="")
