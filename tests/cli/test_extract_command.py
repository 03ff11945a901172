from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from in_process import uiebench
from interrupts import hear_interrupts

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "checkpoint"
SCHEMA = '{"产品名称": null}'
TEXT = "华为Mate60 Pro搭载自研麒麟9000S芯片"


def refused(done: subprocess.CompletedProcess[str], *said: str) -> None:
    """Exit status 2, a message that says these things, and no traceback."""
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    for word in said:
        assert word in done.stderr


def test_a_text_gives_its_chains_as_json() -> None:
    command = [sys.executable, "-m", "harness", "extract", TEXT, "--schema", SCHEMA, "--checkpoint", str(GOLDEN)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    for (item,) in json.loads(done.stdout):
        start, end = item["offset"]
        assert TEXT[start:end] == item["span"]


def test_a_file_is_answered_in_order_and_a_bad_line_has_its_error_in_place(tmp_path: Path) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    lines = [
        json.dumps({"id": "a", "text": TEXT, "schema": json.loads(SCHEMA)}),
        json.dumps({"id": "b", "text": None, "schema": json.loads(SCHEMA)}),
        "{",
        json.dumps({"id": "d", "text": "\ud800", "schema": json.loads(SCHEMA)}),
        json.dumps({"id": "e", "text": ""}),
    ]
    source.write_text("\n".join(lines), encoding="utf-8")
    schema = tmp_path / "schema.json"
    schema.write_text(SCHEMA, encoding="utf-8")
    done = uiebench("extract", "--input", source, "--output", target, "--schema", schema, "--checkpoint", GOLDEN)
    refused(done, "3 line(s)")
    answers = [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]
    assert [answer["id"] for answer in answers] == ["a", "b", None, "d", "e"]
    assert ["error" in answer for answer in answers] == [False, True, True, True, False]
    assert answers[4]["output"] == []
    assert "null" in answers[1]["error"]
    assert "line 3" in answers[2]["error"]
    assert "surrogate" in answers[3]["error"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["", "--schema", "{}"], ["empty"]),
        ([TEXT, "--schema", "{"], ["not JSON"]),
        ([TEXT, "--schema", "nowhere.json"], ["not JSON"]),
        ([TEXT, "--schema", '{"a": 1}'], ["'a'", "null"]),
        ([TEXT, "--schema", '{"a":' * 9 + "null" + "}" * 9], ["8 levels"]),
        ([TEXT], ["--schema"]),
        ([], ["--input"]),
        ([TEXT, "--schema", SCHEMA, "--checkpoint", "nowhere"], ["'nowhere'", "known: base, mini"]),
        ([TEXT, "--schema", SCHEMA, "--checkpoint", "docs"], ["config.json"]),
        ([TEXT, "--schema", SCHEMA, "--device", "tpu"], ["'tpu'", "cpu"]),
        (["--input", "nowhere.jsonl"], ["nowhere.jsonl"]),
    ],
)
def test_bad_arguments_are_one_message(arguments: list[str], said: list[str]) -> None:
    refused(uiebench("extract", *arguments), *said)


@pytest.mark.parametrize(("target", "said"), [("/dev/full", "space"), ("/nowhere/out.jsonl", "cannot be written")])
def test_an_output_that_cannot_be_written_is_one_message(tmp_path: Path, target: str, said: str) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text(json.dumps({"id": "a", "text": TEXT, "schema": json.loads(SCHEMA)}), encoding="utf-8")
    refused(uiebench("extract", "--input", source, "--output", target, "--checkpoint", GOLDEN), target, said)


def test_an_interrupt_leaves_whole_lines(tmp_path: Path) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    texts = [{"id": str(number), "text": TEXT * 5, "schema": json.loads(SCHEMA)} for number in range(20_000)]
    source.write_text("\n".join(map(json.dumps, texts)), encoding="utf-8")
    os.mkfifo(target)
    command = [
        sys.executable,
        "-m",
        "harness",
        "extract",
        "--input",
        str(source),
        "--output",
        str(target),
        "--checkpoint",
        str(GOLDEN),
    ]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, preexec_fn=hear_interrupts) as process:
        with target.open("rb") as answers:
            first = answers.readline()
            process.send_signal(signal.SIGINT)
            rest = answers.read()
        assert process.stderr is not None
        said = process.stderr.read()
    assert process.returncode == 130
    assert "Traceback" not in said
    written = (first + rest).splitlines(keepends=True)
    assert 0 < len(written) < 20_000
    assert all(line.endswith(b"\n") and json.loads(line)["id"] == str(number) for number, line in enumerate(written))
