"""A run as a baseline file: what its checkpoint is known by, and what is said of a run that is not whole."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from made_up import HEADER, RECORDS
from msgspec.structs import replace
from typer.testing import CliRunner

from harness.baseline.checkpoint import PICKLE
from harness.cli.app import app
from harness.embedded.cache import VARIABLE
from harness.embedded.checkpoints import find_checkpoint
from harness.gate.baseline import of_directory
from harness.run.executors.recorded import Reference
from harness.run.reference import write_reference
from harness.run.store import Store


def run(directory: Path, checkpoint: str) -> Path:
    """The made-up run, of a checkpoint."""
    directory.mkdir()
    store = Store(directory)
    for line in (replace(HEADER, checkpoint=checkpoint), *RECORDS):
        store.append(line)
    write_reference(directory, [], Reference([], []))
    return directory


def rewritten(checkpoint: Path) -> None:
    """The same weights in other bytes, as another torch writes them."""
    with (checkpoint / PICKLE).open("ab") as file:
        file.write(b"\0")


def test_an_embedded_checkpoint_is_known_by_its_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
    mini, base = (run(tmp_path / name, name) for name in ("mini", "base"))
    before = of_directory(mini)
    rewritten(find_checkpoint("mini"))
    assert of_directory(mini) == before
    assert of_directory(base).origin.weights != before.origin.weights


def test_a_directory_is_known_by_its_files(tmp_path: Path, golden: Path) -> None:
    mine = tmp_path / "mine"
    shutil.copytree(golden, mine)
    (mine / "folder.json").mkdir()
    (mine / "gone.txt").symlink_to("no/longer/there")
    directory = run(tmp_path / "run", str(mine))
    before = of_directory(directory).origin.weights
    assert of_directory(directory).origin.weights == before
    rewritten(mine)
    assert of_directory(directory).origin.weights != before


def test_what_a_baseline_lacks_is_named(tmp_path: Path) -> None:
    directory, file = run(tmp_path / "run", "mini"), tmp_path / "b.jsonl"
    done = CliRunner().invoke(app, ["baseline", "update", str(file), "--run", str(directory)])
    assert done.exit_code == 0, done.output
    lacking = [line for line in done.stderr.splitlines() if "b.jsonl lacks figures of" in line]
    assert len(lacking) == 2
    assert "of broken: failed (crash) in round 0: the worker ended with signal SIGSEGV" in lacking[0]
    assert "of absent: skipped: absent: it needs a GPU" in lacking[1]
