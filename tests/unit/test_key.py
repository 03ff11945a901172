from __future__ import annotations

import os
from pathlib import Path

import pytest

import harness
from harness.run import key as key_file
from harness.run.key import run_key


def test_a_run_goes_on_only_where_all_that_decides_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint, plugin, package = tmp_path / "checkpoint", tmp_path / "mine.py", tmp_path / "package"
    for folder in (checkpoint, package):
        folder.mkdir()
    weights, code = checkpoint / "model.safetensors", package / "model.py"
    for file in (weights, plugin, code):
        file.write_text("1")
    monkeypatch.setattr(harness, "__path__", [str(package)])

    def found(decides: object = "suite") -> str:
        return run_key(decides, checkpoint, [plugin])

    seen = {found()}
    assert found() in seen
    seen.add(found("another suite"))
    for file in (plugin, code):
        file.write_text("2")
        seen.add(found())
    os.utime(weights, (1, 1))
    seen.add(found())
    monkeypatch.setattr(key_file, "packages", lambda: {"torch": "1.0"})
    seen.add(found())
    assert len(seen) == 6
