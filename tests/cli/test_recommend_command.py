"""From a published run to an extractor with what was recommended."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from in_process import uiebench
from made_up import HEADER, RECORDS
from msgspec.structs import replace
from test_extract_command import ROOT, TEXT, refused

from harness.run.store import Store

DEMO = ROOT / "reports" / "cpu" / "demo"
SCHEMA = '{"产品名称": null}'


def test_what_is_recommended_can_be_switched_on(tmp_path: Path) -> None:
    shutil.copytree(DEMO, tmp_path / "run")
    said = uiebench("recommend", tmp_path / "run", "--max-rss", "1GiB")
    assert said.returncode == 0, said.stderr
    assert said.stdout.startswith("Switch on ")
    file = tmp_path / "run" / "combination.toml"
    plain = uiebench("extract", TEXT, "--schema", SCHEMA)
    switched_on = uiebench("extract", TEXT, "--schema", SCHEMA, "--with", file)
    assert switched_on.returncode == 0, switched_on.stderr
    assert json.loads(switched_on.stdout) == json.loads(plain.stdout)


def test_none_and_mistakes_have_their_own_statuses(tmp_path: Path) -> None:
    shutil.copytree(DEMO, tmp_path / "run")
    none = uiebench("recommend", tmp_path / "run", "--max-rss", "1MiB")
    assert none.returncode == 1
    assert none.stdout.startswith("None: ")
    assert not (tmp_path / "run" / "combination.toml").exists()
    mistake = uiebench("recommend", tmp_path / "run", "--max-rss", "800ms")
    assert mistake.returncode == 2
    assert "'800ms' is not a size" in mistake.stderr
    refused(uiebench("recommend", tmp_path / "run", "--min-f1-delta", "0.1"), "is not a loss")
    refused(uiebench("recommend", tmp_path / "run", "--max-p95", "500"), "--max-p95: '500' is not a duration")
    for endless in ("inf", "nan", "1e999"):
        refused(uiebench("recommend", tmp_path / "run", "--min-qps", endless), "min-qps")
        refused(uiebench("recommend", tmp_path / "run", "--max-rss", f"{endless}GiB"), "is not a size")
    refused(uiebench("recommend", tmp_path / "run", "--min-f1-delta", "-inf"), "has to be finite")
    nowhere = uiebench("extract", TEXT, "--schema", SCHEMA, "--with", "batchin")
    assert nowhere.returncode == 2
    assert "did you mean 'batching'" in nowhere.stderr


def test_the_targets_of_the_suite_are_constraints_unless_others_are_given(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for line in (replace(HEADER, targets={"max_rss": 1 << 20, "min_qps": 1.0, "max_vram": 1 << 30}), *RECORDS):
        store.append(line)
    none = uiebench("recommend", tmp_path)
    assert none.returncode == 1
    first, second, third, fourth, *_ = none.stdout.splitlines()
    assert first == "A target of the suite: --max-rss 1 MiB"
    assert second == "A target of the suite: --min-qps 1 requests/s, left out because this run cannot decide it"
    assert third == "A target of the suite: --max-vram 1.00 GiB, left out because this run cannot decide it"
    assert fourth.startswith("None: no combination")
    kept = uiebench("recommend", tmp_path, "--max-rss", "8GiB")
    assert kept.returncode == 0, kept.stderr
    assert "A target of the suite: --min-qps" in kept.stdout.splitlines()[0]
    asked = uiebench("recommend", tmp_path, "--max-rss", "8GiB", "--min-qps", "1")
    assert asked.returncode == 1
    assert "requests/s, is not shown to be at least 1 requests/s, which needs 4 rounds (not 1)" in asked.stdout
    refused(uiebench("recommend", tmp_path, "--max-vram", "1GiB"), "did not measure memory on a device")


def test_where_stock_stands_nothing_is_written(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for line in (HEADER, *RECORDS):
        store.append(line)
    stock = uiebench("recommend", tmp_path, "--objective", "memory")  # all have the same
    assert stock.returncode == 1
    assert stock.stdout.startswith("Switch on nothing: stock keeps the constraints")
    assert not (tmp_path / "combination.toml").exists()


def test_a_run_that_was_not_timed_against_stock_is_refused(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for line in (replace(HEADER, partner="HEAD (0123abcde)"), *RECORDS):
        store.append(line)
    refused(uiebench("recommend", tmp_path), "was timed against HEAD (0123abcde), not against stock")
    assert not (tmp_path / "combination.toml").exists()
