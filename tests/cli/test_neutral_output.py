"""What a command prints steers neither a terminal nor a CI service, whatever its input holds."""

from __future__ import annotations

import json
from pathlib import Path

from hostile import HOSTILE, commands, run_of, steering
from in_process import uiebench
from msgspec import json as msgspec_json

from harness.run.store import RECORDS

ALL = "".join(f" {text} " for text in HOSTILE.values())


def test_what_a_command_prints_of_a_run_steers_no_terminal(tmp_path: Path) -> None:
    header, records = run_of(ALL)
    (tmp_path / RECORDS).write_bytes(b"".join(msgspec_json.encode(line) + b"\n" for line in (header, *records)))
    done = uiebench("report", tmp_path)
    assert done.returncode == 0, done.stderr
    for shown in (done.stdout, done.stderr):
        assert steering(shown) == commands(shown) == []
    assert "[red]red[/red]" in done.stdout
    assert steering("".join(path.read_text(encoding="utf-8") for path in tmp_path.glob("report.*"))) == []
    for form in ("csv", "json", "bencher"):
        printed = uiebench("report", tmp_path, "--format", form).stdout
        assert steering(printed) == commands(printed) == []
    assert json.loads(uiebench("report", tmp_path, "--format", "json").stdout)["run"]["suite"] == ALL


def test_nor_does_a_complaint_or_a_list_of_problems(tmp_path: Path) -> None:
    name = "\x1b]0;title\x07\n::error::x"
    file = tmp_path / "bad.jsonl"
    gold = [[{"type": name, "span": "other", "offset": [0, 3]}]]
    line = {"id": name, "text": f"{name}九元", "schema": {name: None}, "gold": gold}
    sound = {**line, "id": "sound", "gold": []}
    file.write_text(f"{json.dumps(line)}\n{json.dumps(sound)}\n", encoding="utf-8")
    for arguments in (
        ("run", name),
        ("report", name),
        ("extract", "--input", name),
        ("data", "check", file, "--format", "native"),
        ("data", "check", name),
        ("list", "--plugin", name),
        ("recommend", tmp_path / name),
        (name,),
    ):
        done = uiebench(*arguments)
        assert done.returncode != 0, arguments
        for shown in (done.stdout, done.stderr):
            assert steering(shown) == commands(shown) == [], arguments
        assert "]0;title" in done.stdout + done.stderr, arguments


def test_nor_do_answers_and_errors_of_an_evaluation(golden: Path, tmp_path: Path) -> None:
    text = f"{ALL}九元"
    gold = [[{"type": ALL, "span": text, "offset": [0, len(text)]}]]
    file = tmp_path / "texts.jsonl"
    file.write_text(json.dumps({"id": ALL, "text": text, "schema": {ALL: None}, "gold": gold}), encoding="utf-8")
    done = uiebench("evaluate", "--data", file, "--errors", "--checkpoint", golden)
    assert "missed  " in done.stdout, done.stderr
    assert "[red]red[/red]" in done.stdout
    answered = uiebench("extract", text, "--schema", json.dumps({ALL: None}), "--checkpoint", golden)
    json.loads(answered.stdout)
    for shown in (done.stdout, done.stderr, answered.stdout):
        assert steering(shown) == commands(shown) == []
