from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import harness
from harness.run import key as key_file
from harness.run.ablation import Options, _key, prepare
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


def test_a_run_of_other_targets_or_against_another_partner_is_another(tmp_path: Path, golden: Path) -> None:
    suite = tmp_path / "own.toml"

    def found(targets: str = "", **changes: Any) -> str:
        suite.write_text(f'[combinations]\ndesign = "explicit"\n[texts]\ndatasets = ["article"]\n{targets}')
        return _key(prepare(Options(str(suite), checkpoint=str(golden), **changes)))

    assert found() == found()
    targets = [f'[targets]\nmax_p95 = "{limit}"\n' for limit in ("800ms", "900ms")]
    assert len({found(), *map(found, targets), found(partner="HEAD (0123abcde)")}) == 4
