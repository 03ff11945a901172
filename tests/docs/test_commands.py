"""Every command of the documentation runs where its files are there; a long one as a dry run, or is parsed at least."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from made_up import HEADER, RECORDS
from msgspec.structs import replace
from one_chart import draw_one
from test_docs import ROOT, WRITTEN, blocks
from typer.main import get_command
from typer.testing import CliRunner

from harness import doctor
from harness.analyse.baselines import of_run, write_baseline
from harness.cli.app import app
from harness.embedded.checkpoints import find_checkpoint
from harness.errors import UnavailableError
from harness.gate.starter import template
from harness.hardware import processor
from harness.plan.registry import Registry, find_optimizations

COMMANDS = sorted(set(re.findall(r"^\$ uiebench (.*)$", WRITTEN, re.MULTILINE)))
# What takes over 20 s otherwise, and what keeps it short.
SHORTER = {
    "run ": "--dry-run",
    "selfcheck": "--dry-run",
    "tune": "--dry-run",
    "gate --": "--dry-run",
    "gate init": "--no-baseline",
    "baseline update": "--dry-run",
}
OF_GATES = (".git", "harness", "optimizations")  # hundreds of files that only these need
# Without anything of the kind, or about a GPU's run.
ONLY_PARSED = ("train", "recommend runs/ID --max-vram")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, light_start: Path) -> Path:
    """A directory with everything that the pages speak of."""
    here = tmp_path_factory.mktemp("docs")
    for run in ("ID", "BEFORE", "AFTER"):
        (here / "runs" / run).mkdir(parents=True)
        for name in ("records.jsonl.gz", "suite.toml"):
            shutil.copy(ROOT / "reports" / "cpu" / "demo" / name, here / "runs" / run)
    (here / "runs" / "ID" / "combination.toml").write_text('combination = "batching"\n')
    (here / "DIR").symlink_to(find_checkpoint("mini"))
    (here / "suite.toml").write_text(blocks("run.md", "toml")[0], encoding="utf-8")
    (here / "mine.py").write_text(blocks("write-an-optimization.md", "python")[0], encoding="utf-8")
    shutil.copy(ROOT / "tests" / "data" / "native.jsonl", here / "mine.jsonl")
    shutil.copy(ROOT / "tests" / "data" / "label_studio.json", here / "export.json")
    (here / "in.jsonl").write_text('{"id": "a", "text": "支持卫星通话", "schema": {"功能": null}}\n', encoding="utf-8")
    (here / "plain.txt").write_text("售价2999元。\n", encoding="utf-8")
    of_gate = replace(HEADER, suite="gate")
    for name in ("reports/baselines/ci.jsonl", "before.jsonl", "after.jsonl"):
        write_baseline(here / name, of_run(of_gate, RECORDS, {}, set(), "0" * 16, 0.02))
    (here / "uiebench-gate.toml").write_text(template("rules.toml"), encoding="utf-8")
    for room in ("harness", "optimizations"):  # what a gate compares with
        shutil.copytree(ROOT / room, here / room, ignore=shutil.ignore_patterns("__pycache__", "grammars"))
    git = ["git", "-C", str(here), "-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    for arguments in (("init", "--quiet", "--initial-branch=main"), ("add", "."), ("commit", "--quiet", "--message=a")):
        subprocess.run([*git, *arguments], check=True)
    return here


@pytest.mark.parametrize("written", COMMANDS)
def test_a_documented_command_runs(
    written: str, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    left_out = () if written.startswith(("gate", "baseline")) else OF_GATES
    shutil.copytree(prepared, here, symlinks=True, ignore=shutil.ignore_patterns(*left_out))
    monkeypatch.chdir(here)
    # The pages' own machine has a GPU; and 100 texts take 10 s.
    arguments = shlex.split(
        re.sub("--data business$", "--data article", written.replace("--device cuda", "--device cpu"))
    )
    if written.startswith(ONLY_PARSED):
        parse(arguments)
        return
    arguments += [option for begin, option in SHORTER.items() if written.startswith(begin) and option not in arguments]
    if written.startswith("doctor"):  # a process for each takes a while
        monkeypatch.setattr(doctor, "find_optimizations", lambda _: Registry([find_optimizations()["batching"]]))
    if written.startswith("report"):
        draw_one(monkeypatch)
    if written.startswith("gate init"):
        (here / "uiebench-gate.toml").unlink()
    done = CliRunner().invoke(app, arguments, env=dict(os.environ))
    if isinstance(done.exception, UnavailableError) and not processor().multiplies_bfloat16:
        pytest.skip(str(done.exception))
    assert done.exception is None or isinstance(done.exception, SystemExit), repr(done.exception)
    assert done.exit_code == 0, done.output


def parse(arguments: Sequence[str]) -> None:
    """Its options are there, and take what they are given."""
    command: Any = get_command(app)
    left = list(arguments)
    while left and left[0] in getattr(command, "commands", {}):
        command, left = command.commands[left[0]], left[1:]
    command.make_context(command.name, left).close()
