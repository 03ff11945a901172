from __future__ import annotations

import sys
from pathlib import Path

import pytest
from in_process import uiebench
from test_extract_command import ROOT, refused

from harness.errors import PlatformError
from harness.run.ablation import Options, prepare

FAULTS = ROOT / "tests" / "run" / "faults.py"


def test_a_dry_run_shows_the_cells_and_starts_nothing(tmp_path: Path) -> None:
    done = uiebench("run", "demo", "--dry-run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for name in ("baseline", "stock", "all six", "All six: lean_startup + ", "single_stream", "closed_loop", "about"):
        assert name in done.stdout
    assert not list(tmp_path.iterdir())


def test_unknown_names_are_refused_with_the_near_one(tmp_path: Path) -> None:
    refused(uiebench("run", "dem"), "did you mean 'demo'")
    suite = tmp_path / "s.toml"
    suite.write_text('[texts]\ndatasets = ["article"]\n[combinations]\noptimizations = ["flash_atention"]\n')
    refused(uiebench("run", suite), "did you mean 'flash_attention'")
    suite.write_text('[texts]\ndatasets = ["article"]\n[measure]\nround = 3\n')
    refused(uiebench("run", suite), "did you mean 'rounds'")


def test_a_suite_may_name_its_texts_and_those_that_are_only_compared(tmp_path: Path) -> None:
    suite = tmp_path / "s.toml"
    texts = '[texts]\ndatasets = ["article", "business/dev"]\ncompared = ["business/dev"]\nids = '
    suite.write_text(f'{texts}["business/dev:products-002", "article:article-001"]')
    ablation = prepare(Options(str(suite)))
    assert [one.id for one in ablation.examples] == ["business/dev:products-002", "article:article-001"]
    assert len(ablation.compared) == 59
    suite.write_text(f'{texts}["business/dev:product-002"]')
    refused(uiebench("run", suite), "'business/dev:product-002'", "did you mean 'business/dev:products-002'", "41 more")


def test_combinations_can_be_picked_and_left_out() -> None:
    done = uiebench("run", "demo", "--dry-run", "--only", "*truncation", "--skip", "flash*")
    listed = [line.strip() for line in done.stdout.splitlines() if line.startswith("  ")]
    assert listed == ["baseline", "stock", "dynamic_truncation"]
    refused(uiebench("run", "demo", "--dry-run", "--only", "dynamic_trunc"), "did you mean 'dynamic_truncation'")
    refused(uiebench("run", "demo", "--dry-run", "--budget", "soon"), "'soon' is not a duration", "45m")


def test_conflicting_optimizations_in_a_named_combination_are_refused(tmp_path: Path) -> None:
    plugin = tmp_path / "rival.py"
    plugin.write_text(
        "from harness.plugin import Evidence, Stage, optimization\n"
        "@optimization(Stage.INPUT, exact=True, conflicts=['dynamic_truncation'], evidence=lambda probe: None)\n"
        "def rival(extractor):\n    'Another padding.'\n    return extractor\n"
    )
    suite = tmp_path / "s.toml"
    suite.write_text(
        '[texts]\ndatasets = ["article"]\n[combinations]\ndesign = "explicit"\ninclude = ["rival+dynamic_truncation"]\n'
    )
    refused(uiebench("run", suite, "--plugin", plugin), "rival conflicts with dynamic_truncation")


def test_a_bad_checkpoint_or_device_is_refused_and_named(tmp_path: Path) -> None:
    refused(uiebench("run", "--checkpoint", "nowhere", "--runs", tmp_path), "nowhere", "no directory", "mini")
    refused(uiebench("run", "--device", "cuda:99", "--runs", tmp_path), "cuda:99")


def test_a_directory_without_a_run_cannot_be_reported(tmp_path: Path) -> None:
    refused(uiebench("report", tmp_path), "holds no run")


def test_list_names_what_there_is() -> None:
    done = uiebench("list", "--plugin", FAULTS)
    for name in ("flash_attention", "dynamic_truncation", "wrong_answer", "demo", "article/test", "business/test"):
        assert name in done.stdout


def test_off_linux_a_run_says_why_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(PlatformError, match="Linux"):
        prepare(Options("demo"))
