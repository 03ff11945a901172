from __future__ import annotations

import os
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

import harness
from harness.plan.registry import GROUP
from harness.processor import Processor
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
    (checkpoint / "gone.txt").symlink_to("no/longer/there")
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
    own = Processor("AMD EPYC", "family 23, model 49", "0", ("avx2",), {"L3": "16384K"})
    others = (
        replace(own, name="AMD EPYC 7R32"),
        replace(own, model="family 26, model 2"),
        replace(own, stepping="1"),
        replace(own, instruction_sets=("avx2", "avx512f")),
        replace(own, caches={"L3": "32768K"}),
    )
    for processor in (own, *others):
        monkeypatch.setattr(key_file, "processor", lambda here=processor: here)
        seen.add(found())
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    seen.add(found())
    monkeypatch.setattr(key_file, "gpus", lambda: ["a GPU, driver 1"])
    seen.add(found())
    for visible in ("0", "1"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        seen.add(found())
    monkeypatch.setattr("platform.python_version", lambda: "3.99.0")
    seen.add(found())
    monkeypatch.setattr("platform.node", lambda: "another name")
    assert found() in seen
    assert len(seen) == 17


@pytest.mark.parametrize("file", ["stranger.py", "stranger/__init__.py", "stranger/deep/kernel.py", "stranger/x.so"])
def test_the_code_of_an_installed_plugin_decides_and_is_not_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.parent != tmp_path:
        (tmp_path / "stranger" / "__init__.py").touch()
    path.write_text("raise SystemExit")
    (tmp_path / "checkpoint").mkdir()
    point = EntryPoint("fast", f"stranger{'' if path.parent == tmp_path else '.deep'}:fast", GROUP)
    monkeypatch.setattr(key_file, "entry_points", lambda **_: [point])
    monkeypatch.syspath_prepend(tmp_path)

    def found() -> str:
        return run_key("suite", tmp_path / "checkpoint", [])

    before = found()
    assert found() == before
    path.write_text("raise SystemExit(2)")
    assert found() != before


def test_an_installed_plugin_whose_code_is_not_found_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_file, "entry_points", lambda **_: [EntryPoint("fast", "no_such_module:fast", GROUP)])
    assert run_key("suite", tmp_path, [])


def test_a_run_of_other_targets_or_against_another_partner_is_another(tmp_path: Path, golden: Path) -> None:
    suite = tmp_path / "own.toml"

    def found(targets: str = "", **changes: Any) -> str:
        suite.write_text(f'[combinations]\ndesign = "explicit"\n[texts]\ndatasets = ["article"]\n{targets}')
        return _key(prepare(Options(str(suite), checkpoint=str(golden), **changes), lambda _: None))

    assert found() == found()
    targets = [f'[targets]\nmax_p95 = "{limit}"\n' for limit in ("800ms", "900ms")]
    assert len({found(), *map(found, targets), found(partner="HEAD (0123abcde)")}) == 4
