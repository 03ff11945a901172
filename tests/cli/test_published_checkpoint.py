"""Every command takes the directory that the reference publishes, with all its oddities."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from in_process import uiebench
from published import TOKENS, write_published

from harness import doctor
from harness.baseline.loading import plain_plan, stock_plan
from harness.doctor import examine
from harness.plan.registry import Registry, find_optimizations

TEXT, SCHEMA = "屏幕细腻，手感一般，客服态度很好。", {"属性词": {"情感词": None}}
SUITE = """
[combinations]
design = "explicit"
include = ["lean_startup"]
[texts]
datasets = ["{texts}"]
[measure]
scenarios = ["single_stream"]
rounds = 1
passes = 1
"""


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_published(tmp_path_factory.mktemp("hub") / "nlp_structbert_siamese-uie_chinese-base")


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    gold = [[{"type": "属性词", "span": "屏幕", "offset": [0, 2]}]]
    path = tmp_path / "own.jsonl"
    path.write_text(json.dumps({"id": "1", "text": TEXT, "schema": {"属性词": None}, "gold": gold}))
    return path


def test_it_has_as_many_lines_as_the_published_vocabulary_and_more_by_splitlines(published: Path) -> None:
    data = (published / "vocab.txt").read_bytes()
    assert data.count(b"\n") == TOKENS
    assert len(data.decode().splitlines()) == TOKENS + 2


def test_extract_takes_it(published: Path) -> None:
    asked = ("extract", TEXT, "--schema", json.dumps(SCHEMA), "--checkpoint", published)
    plain, composed = uiebench(*asked), uiebench(*asked, "--with", "lean_startup")
    assert plain.returncode == composed.returncode == 0, plain.stderr + composed.stderr
    assert json.loads(plain.stdout) == json.loads(composed.stdout) != []


def test_evaluate_takes_it(published: Path, texts: Path) -> None:
    done = uiebench("evaluate", "--data", texts, "--checkpoint", published)
    assert done.returncode == 0, done.stderr
    assert "micro" in done.stdout


def test_the_references_start_reads_it_as_the_plain_one_does(published: Path) -> None:
    by_transformers, plain = (
        plan(published, device="cpu", start="stock").load().extract(TEXT, SCHEMA) for plan in (stock_plan, plain_plan)
    )
    assert by_transformers == plain != []


def test_run_plans_it(published: Path, texts: Path, tmp_path: Path) -> None:
    """What a whole run makes of it: `tests/run/test_killed.py`."""
    suite = tmp_path / "tiny.toml"
    suite.write_text(SUITE.replace("{texts}", str(texts)))
    plan = uiebench("run", suite, "--checkpoint", published, "--only", "lean*", "--dry-run")
    assert (plan.returncode, "lean_startup" in plan.stdout) == (0, True), plan.stderr


def test_doctor_takes_it(published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    every = find_optimizations()
    monkeypatch.setattr(doctor, "find_optimizations", lambda _: Registry([every["lean_startup"]]))
    found = {one.about: one for one in examine(str(published), "cpu", None)}
    assert found[f"checkpoint {published}"].state == "fine", found
    assert found["lean_startup"].state == "fine", found


BROKEN = {
    "a size": lambda directory: (directory / "config.json").write_text('{"vocab_size": 1e999}'),
    "a vocabulary in GBK": lambda directory: (directory / "vocab.txt").write_bytes("屏幕细腻手感一般".encode("gbk")),
}


@pytest.mark.parametrize("spoil", BROKEN.values(), ids=BROKEN)
def test_every_command_refuses_a_broken_one_in_a_line(
    tmp_path: Path, texts: Path, spoil: Callable[[Path], object]
) -> None:
    directory = write_published(tmp_path / "broken")
    spoil(directory)
    asked = ("--checkpoint", directory)
    for command in (
        ("extract", TEXT, "--schema", json.dumps(SCHEMA), *asked),
        ("extract", TEXT, "--schema", json.dumps(SCHEMA), *asked, "--with", "lean_startup"),
        ("evaluate", "--data", texts, *asked),
        ("run", "quick", *asked, "--dry-run"),
        ("run", "quick", *asked, "--runs", tmp_path / "runs"),
    ):
        done = uiebench(*command)
        assert done.returncode == 2, done
        assert done.stdout == ""
        assert str(directory) in done.stderr
        assert done.stderr.count("\n") == 1
    assert not (tmp_path / "runs").exists()
