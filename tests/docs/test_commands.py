"""Every command of the documentation runs where its files are there; a long one as a dry run, or is parsed at least."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from made_up import HEADER, RECORDS
from test_docs import ROOT, WRITTEN, blocks
from typer.main import get_command
from typer.testing import CliRunner

from harness.analyse.baselines import of_run, write_baseline
from harness.cli.app import app

COMMANDS = sorted(set(re.findall(r"^\$ uiebench (.*)$", WRITTEN, re.MULTILINE)))
# Over 20 s, and without a dry run; or about a GPU's run.
LONG = ("selfcheck", "train", "gate ", "baseline update", "evaluate --checkpoint mini --data business")
OF_A_GPU = "--max-vram"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with everything that the pages speak of."""
    here = tmp_path_factory.mktemp("docs")
    for run in ("ID", "BEFORE", "AFTER"):
        (here / "runs" / run).mkdir(parents=True)
        for name in ("records.jsonl.gz", "suite.toml"):
            shutil.copy(ROOT / "reports" / "cpu" / "demo" / name, here / "runs" / run)
    (here / "runs" / "ID" / "combination.toml").write_text('combination = "batching"\n')
    (here / "DIR").symlink_to(ROOT / "tests" / "golden" / "checkpoint")
    (here / "suite.toml").write_text(blocks("run.md", "toml")[0], encoding="utf-8")
    (here / "mine.py").write_text(blocks("write-an-optimization.md", "python")[0], encoding="utf-8")
    shutil.copy(ROOT / "tests" / "data" / "native.jsonl", here / "mine.jsonl")
    shutil.copy(ROOT / "tests" / "data" / "label_studio.json", here / "export.json")
    (here / "in.jsonl").write_text('{"id": "a", "text": "支持卫星通话", "schema": {"功能": null}}\n', encoding="utf-8")
    (here / "plain.txt").write_text("售价2999元。\n", encoding="utf-8")
    for name in ("reports/baselines/ci.jsonl", "before.jsonl", "after.jsonl"):
        write_baseline(here / name, of_run(HEADER, RECORDS, {}, set(), "0" * 16, 0.02))
    return here


@pytest.mark.parametrize("written", COMMANDS)
def test_a_documented_command_runs(
    written: str, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    shutil.copytree(prepared, here, symlinks=True)
    monkeypatch.chdir(here)
    arguments = shlex.split(written.replace("--device cuda", "--device cpu"))  # the pages' own machine has a GPU
    if written.startswith(LONG) or OF_A_GPU in written:
        parse(arguments)
        return
    if arguments[0] == "run" and "--dry-run" not in arguments:
        arguments.append("--dry-run")
    done = CliRunner().invoke(app, arguments, env=dict(os.environ))
    assert done.exception is None or isinstance(done.exception, SystemExit), repr(done.exception)
    assert done.exit_code == 0, done.output


def parse(arguments: Sequence[str]) -> None:
    """Its options are there, and take what they are given."""
    command: Any = get_command(app)
    left = list(arguments)
    while left and left[0] in getattr(command, "commands", {}):
        command, left = command.commands[left[0]], left[1:]
    command.make_context(command.name, left).close()
