"""`uiebench compare`: runs side by side."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.viewing import read_view
from harness.errors import InputError

if TYPE_CHECKING:
    from harness.analyse.view import View


MOST = 26  # runs have letters


class Format(StrEnum):
    """The output format."""

    md = "md"
    json = "json"


def compare(
    runs: Annotated[list[Path], typer.Argument(help="Two or more run directories; the first is the reference.")],
    absolute: Annotated[bool, typer.Option("--absolute", help="Show times even if the devices differ.")] = False,
    format_name: Annotated[Format, typer.Option("--format", help="Markdown, or JSON with all figures.")] = Format.md,
) -> None:
    """Compare runs, combination by combination: of two commits, two devices or two models."""
    from harness.analyse.runs import side_by_side
    from harness.report.runs import as_json, render
    from harness.run.store import kept_runs

    if not 2 <= len(runs) <= MOST:
        raise InputError(f"compare takes 2 to {MOST} runs, not {len(runs)}; name their directories, runs/ID")
    found: dict[str, View] = {}
    for place, directory in enumerate(runs, 1):
        name = str(directory) if str(directory) not in found else f"{directory} ({place})"
        found[name] = read_view(directory)
    same = dict.fromkeys(
        (directory.resolve().parent, run.header.key) for directory, run in zip(runs, found.values(), strict=True)
    )
    compared = side_by_side(found, [kept_runs(parent, key) for parent, key in same])
    write = as_json if format_name is Format.json else render
    print(write(compared, absolute=absolute), end="")
