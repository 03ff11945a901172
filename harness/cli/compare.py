"""`uiebench compare`: runs side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.viewing import read_view
from harness.errors import InputError

if TYPE_CHECKING:
    from harness.analyse.view import View


def compare(
    runs: Annotated[list[Path], typer.Argument(help="Two runs' directories or more; the others against the first.")],
    absolute: Annotated[
        bool, typer.Option("--absolute", help="Show times although the runs are of different devices.")
    ] = False,
) -> None:
    """Compare runs, combination by combination: two commits, two devices, two models."""
    from harness.analyse.runs import side_by_side
    from harness.report.runs import render

    if len(runs) < 2:
        raise InputError("compare takes two runs or more; name another directory, runs/ID")
    found: dict[str, View] = {}
    for place, directory in enumerate(runs, 1):
        name = str(directory) if str(directory) not in found else f"{directory} ({place})"
        found[name] = read_view(directory)
    print(render(side_by_side(found), absolute=absolute), end="")
