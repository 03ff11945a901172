"""`uiebench gate init`: writes the first files for a gate in a repository."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.baseline import update
from harness.cli.options import Device, Plugins


class Ci(StrEnum):
    """The CI service whose job is written."""

    github = "github"
    gitlab = "gitlab"
    none = "none"


def init(
    checkpoint: Annotated[str, typer.Option(help="mini, base, or a directory.")] = "mini",
    device: Device = "cpu",
    plugin: Plugins = None,
    ci: Annotated[Ci, typer.Option(help="Write a job for this CI service.")] = Ci.github,
    baseline: Annotated[bool, typer.Option(help="Also measure a baseline (some minutes).")] = True,
) -> None:
    """Write rules, a CI job and a baseline into this directory. Existing files are never overwritten."""
    from harness.embedded.checkpoints import find_checkpoint
    from harness.gate.starter import BASELINE, write_starter
    from harness.plan.registry import find_optimizations

    find_optimizations(plugin or ())  # an error in these, or in the checkpoint's name, must leave no files behind
    if baseline:
        find_checkpoint(checkpoint)
    job = None if ci is Ci.none else ci.value
    written = write_starter(Path(), job, checkpoint=checkpoint, device=device, plugins=plugin or ())
    print(*(f"Written: {path}" for path in written), sep="\n")
    if plugin:
        print("The suite `gate` has no combination of the plugins. Write a suite with one, and name it in the rules.")
    if ci is Ci.gitlab:
        print(f"Put `include: {written[-1]}` into .gitlab-ci.yml.")
    if baseline:
        update(Path(BASELINE), rules=written[0])
    else:
        print(f"The job needs a baseline too: `uiebench baseline update {BASELINE}` measures one.")
    print("Check the limits in the rules, then commit these files.")
