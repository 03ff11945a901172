from __future__ import annotations

import json
from pathlib import Path

from in_process import uiebench
from test_extract_command import GOLDEN, refused


def test_a_checkpoint_is_scored_against_gold(tmp_path: Path) -> None:
    done = uiebench("evaluate", "--data", "article", "--checkpoint", "mini", "--errors")
    assert done.returncode == 0, done.stderr
    assert "micro" in done.stdout
    assert "产品名称" in done.stdout


def test_errors_name_what_was_missed(tmp_path: Path) -> None:
    data = tmp_path / "own.jsonl"
    gold = [[{"type": "价格", "span": "卖", "offset": [0, 1]}]]
    data.write_text(json.dumps({"id": "x1", "text": "卖八元", "schema": {"价格": None}, "gold": gold}))
    done = uiebench("evaluate", "--data", data, "--checkpoint", "mini", "--errors")
    assert done.returncode == 0, done.stderr
    assert "x1: 卖八元" in done.stdout
    assert "missed  价格: 卖" in done.stdout


def test_texts_without_gold_cannot_be_scored(tmp_path: Path) -> None:
    data = tmp_path / "own.jsonl"
    data.write_text(json.dumps({"id": "1", "text": "八元", "schema": {"价格": None}}))
    refused(uiebench("evaluate", "--data", data, "--checkpoint", GOLDEN), "no gold")
    refused(uiebench("evaluate", "--data", "busines"), "did you mean 'business")


def test_the_cache_is_listed_and_cleared(tmp_path: Path) -> None:
    environment = {"UIEBENCH_CACHE": str(tmp_path / "cache")}
    assert "0 entries" in uiebench("cache", "list", env=environment).stdout
    assert uiebench("extract", "八元", "--schema", '{"价格": null}', env=environment).returncode == 0
    assert "mini-" in uiebench("cache", "list", env=environment).stdout
    assert "freed" in uiebench("cache", "clear", env=environment).stdout
    assert "0 entries" in uiebench("cache", "list", env=environment).stdout
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    environment = {"UIEBENCH_CACHE": str(tmp_path / "file" / "below")}
    refused(uiebench("extract", "八元", "--schema", '{"价格": null}', env=environment), "UIEBENCH_CACHE")
