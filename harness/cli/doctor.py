"""`uiebench doctor`: what works on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.cli import FAILED
from harness.cli.options import Checkpoint, Device, Plugins, Schema
from harness.cli.schema import read_schema
from harness.errors import InputError

_SIGNS = {"fine": "ok  ", "note": "note", "wrong": "!!  "}


def doctor(
    checkpoint: Checkpoint = "mini",
    device: Device = "cpu",
    data: Annotated[str | None, typer.Option(help="A dataset (name or file) to check.")] = None,
    format_name: Annotated[str | None, typer.Option("--format", help="Format of that file; default: guessed.")] = None,
    schema: Schema = None,
    plugin: Plugins = None,
) -> None:
    """Check the machine, the checkpoint and the data, and try each optimization in a process of its own.

    Exits with 1 if something that should work does not.
    """
    from harness.doctor import Data, examine
    from harness.report.one_line import one_line

    if data is None and (format_name, schema) != (None, None):
        raise InputError("--format and --schema say how --data is to be read; name the file with --data")
    asked = None if data is None else Data(data, format_name, None if schema is None else read_schema(schema))
    wrong = False
    for finding in examine(checkpoint, device, asked, tuple(plugin or ())):
        wrong |= finding.state == "wrong"
        print(f"{_SIGNS[finding.state]}  {one_line(finding.about)}: {one_line(finding.said)}", flush=True)
    if wrong:
        raise typer.Exit(FAILED)
