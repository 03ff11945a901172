from __future__ import annotations

import json
from pathlib import Path

from in_process import uiebench
from test_extract_command import ROOT, refused

from harness.cli.viewing import read_view
from harness.deploy import find_deployment
from harness.run.store import read_run

FAULTS = ROOT / "tests" / "run" / "faults.py"
TEXTS = ["这款手机售价2999元，屏幕清晰。", "售价三百元的耳机今天上市。"]


def suite(here: Path, *optimizations: str) -> Path:
    lines = [{"id": str(i), "text": text, "schema": {"价格": None}} for i, text in enumerate(TEXTS)]
    (here / "texts.jsonl").write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    file = here / "mine.toml"
    file.write_text(
        f'[combinations]\noptimizations = {json.dumps(optimizations)}\n[texts]\ndatasets = ["texts.jsonl"]\n'
        "[measure]\nrounds = 1\npasses = 1\nconfirm = 1\n",
        encoding="utf-8",
    )
    return file


def test_a_dry_run_shows_what_would_be_searched_and_starts_nothing(tmp_path: Path) -> None:
    done = uiebench("tune", "--dry-run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("12 texts to search with, 12 held back for the confirmation\n")
    assert "\n  dynamic_truncation  (multiple: 2, 4, 8, 16, 32)\n" in done.stdout
    assert "\n  without int8: it may change answers (--inexact lets it in)\n" in done.stdout
    assert "as_published" not in done.stdout
    assert "\n  int8\n" in uiebench("tune", "--dry-run", "--inexact", cwd=tmp_path).stdout
    assert not list(tmp_path.iterdir())


def test_mistakes_are_told_without_a_traceback(tmp_path: Path) -> None:
    refused(uiebench("tune", "--trials", "0"), "--trials", "greater than or equal to 1")
    refused(uiebench("tune", "--budget", "20s"), "--budget 20.0 s is too little for one combination")
    refused(uiebench("tune", "--budget", "soon"), "'soon' is not a duration")
    refused(uiebench("tune", "--max-memory", "2s"), "--max-memory: '2s' is not a size")
    refused(uiebench("tune", "--max-cold-start", "2GiB"), "--max-cold-start: '2GiB' is not a duration")
    refused(uiebench("tune", "--skip", "batchin", "--dry-run"), "did you mean 'batching'")
    refused(uiebench("tune", "--from", tmp_path, "--dry-run"), "holds no run")
    refused(uiebench("tune", "--resume", tmp_path), "holds no search")


def test_a_real_search_names_what_failed_and_what_it_confirmed(tmp_path: Path, golden: Path, light_start: Path) -> None:
    file = suite(tmp_path, "dynamic_truncation", "never_here")
    options = ("--checkpoint", golden, "--plugin", FAULTS, "--runs", tmp_path / "runs", "--trials", "2")
    done = uiebench("tune", file, *options)
    assert done.returncode in (0, 1), done.stderr
    assert "Combinations tried: 2 (1 measured in full, 1 failed), on 1 text; all trials were made." in done.stdout
    assert "not dynamic_truncation+never_here: skipped: never_here: it needs a quantum computer" in done.stdout
    assert "of stock's time in 1 fresh round on 1 text that the search did not time" in done.stdout
    (here,) = (tmp_path / "runs").iterdir()
    header, _ = read_run(here, lambda _: None)
    assert set(header.exact) == {"stock", "dynamic_truncation+never_here", "dynamic_truncation"}
    (fresh,) = (here / "confirm").iterdir()
    confirmed, _ = read_run(fresh, lambda _: None)
    assert (len(header.texts), len(confirmed.texts)) == (1, 1)
    assert header.texts != confirmed.texts
    data = json.loads((here / "tune.json").read_text(encoding="utf-8"))
    assert [one["state"] for one in data["combinations"]] == ["failed", "whole"]
    assert data["combinations"][1]["memory_bytes"] > 1 << 20
    assert "| dynamic_truncation |" in (here / "tune.md").read_text(encoding="utf-8")
    for directory in (here, fresh):
        assert "dynamic_truncation" in [row.combination for row in read_view(directory).rows], "`report` shows it"
    if done.returncode == 0:
        assert find_deployment(str(here / "combination.toml")).combination == "dynamic_truncation"
    else:
        assert "Switch on nothing: dynamic_truncation looked fastest" in done.stdout
