"""`data check`, `evaluate`, `extract` and `run` say the same of one file, in the same words."""

from __future__ import annotations

import json
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from in_process import uiebench
from test_extract_command import GOLDEN

SAMPLES = Path(__file__).parents[1] / "data"
SCHEMA = ("--schema", SAMPLES / "schema_mark.json")
SUITE = """
[combinations]
design = "explicit"
[texts]
datasets = [{datasets}]
{more}
[measure]
scenarios = ["single_stream"]
"""


def suite(folder: Path, *datasets: str | Path, more: str = "") -> Path:
    path = folder / "suite.toml"
    path.write_text(SUITE.format(datasets=", ".join(f'"{name}"' for name in datasets), more=more), encoding="utf-8")
    return path


def answers(folder: Path, *arguments: str | Path) -> tuple[CompletedProcess[str], list[dict[str, Any]]]:
    """What `extract` says, and writes to a file: it writes to its standard output past any Python object."""
    target = folder / "answers.jsonl"
    target.unlink(missing_ok=True)
    done = uiebench("extract", *arguments, "--output", target, "--checkpoint", GOLDEN)
    lines = target.read_text(encoding="utf-8").split("\n")[:-1] if target.exists() else []
    return done, [json.loads(line) for line in lines]


def said_by_each(file: Path, folder: Path) -> dict[str, tuple[int, str]]:
    """The status of each command, and what it said; of an answer of `extract`, what is wrong with the first text."""
    answered, found = answers(folder, "--input", file)
    answered.stdout = "".join(one.get("error", "") for one in found)
    done = {
        "check": uiebench("data", "check", file),
        "evaluate": uiebench("evaluate", "--data", file, "--checkpoint", GOLDEN),
        "extract": answered,
        "run": uiebench("run", suite(folder, file), "--dry-run", "--checkpoint", GOLDEN),
    }
    for name, one in done.items():
        assert "Traceback" not in one.stderr, name
    return {name: (one.returncode, one.stdout + one.stderr) for name, one in done.items()}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("native_key_twice.jsonl", "line 1: has the key '产品' twice in one object"),
        ("native_id_float.jsonl", "line 1: the id 1.0 must be a string or a whole number"),
        ("native_ids_collide.jsonl", "line 2: the id '1' is already on an earlier line"),
        ("native_offset_nan.jsonl", "line 1: gold: Expected `int`, got `float`"),
    ],
)
def test_a_line_that_one_command_refuses_is_refused_by_all(tmp_path: Path, name: str, said: str) -> None:
    for command, (status, output) in said_by_each(SAMPLES / name, tmp_path).items():
        assert status != 0, command
        assert said in output, command


@pytest.mark.parametrize(
    "line",
    [
        '{"id": "1", "text": "新机", "schema": {"价格": null, "价格": null}}',
        '{"id": true, "text": "新机", "schema": {"价格": null}}',
        '{"id": Infinity, "text": "新机", "schema": {"价格": null}}',
        '{"id": "1", "text": "\\ud800", "schema": {"价格": null}}',
        '{"id": "1", "text": "新机", "schema": "{\\"价格\\": null, \\"价格\\": null}"}',
        '{"id": "1", "text": "新机", "schema": {"价格": 1' + "0" * 5000 + "}}",
        '{"id": "1", "text": "新机", "schema": ' + '{"价格":' * 9 + "null" + "}" * 10,
        '{"id": "1", "text": "新机", "schema": ' + "[" * 3000,
    ],
)
def test_siblings_are_refused_by_all_in_the_same_words(tmp_path: Path, line: str) -> None:
    file = tmp_path / "mine.jsonl"
    file.write_text(line + "\n", encoding="utf-8")
    said = said_by_each(file, tmp_path)
    fault = said["extract"][1].partition("uiebench:")[0]
    assert fault.startswith("line 1: ")
    for command, (status, output) in said.items():
        assert status != 0, command
        assert fault in output, command


@pytest.mark.parametrize(
    "name", ["native_id_missing.jsonl", "native_id_null.jsonl", "native_schema_text.jsonl", "native_mark.jsonl"]
)
def test_a_line_that_one_command_takes_is_taken_by_all(tmp_path: Path, name: str) -> None:
    said = said_by_each(SAMPLES / name, tmp_path)
    assert (said["check"][0], said["extract"][0], said["run"][0]) == (0, 0, 0)
    _, (answer,) = answers(tmp_path, "--input", SAMPLES / name)
    assert answer["id"] == (json.loads((SAMPLES / name).read_text(encoding="utf-8-sig")).get("id") or "1")
    assert said["evaluate"][0] == 0 or "no gold" in said["evaluate"][1]


@pytest.mark.parametrize("name", ["gbk.conll", "gbk.csv", "gbk.jsonl", "gbk.txt", "utf16.csv"])
def test_another_encoding_is_named_by_all_with_the_command_that_converts_it(tmp_path: Path, name: str) -> None:
    for command, (status, output) in said_by_each(SAMPLES / name, tmp_path).items():
        assert status == 2, command
        assert "convert it: iconv -f " in output, command


@pytest.mark.parametrize("end", ["\u2028", "\x85", "\x0b", "\x0c", "\x1c", "\u2029"])
def test_what_other_readers_end_a_line_at_is_part_of_a_text(tmp_path: Path, end: str) -> None:
    text = f"新机{end}售价"
    files = {
        "a.jsonl": json.dumps({"id": "1", "text": text, "schema": {"价格": None}}, ensure_ascii=end < " "),
        "a.txt": text,
        "a.csv": f"text\n{text}",
        "a.conll": "".join(f"{character}\tO\n" for character in text),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content.encode() + b"\n")
        given = () if name == "a.jsonl" else SCHEMA
        done, found = answers(tmp_path, "--input", tmp_path / name, *given)
        assert done.returncode == 0, (name, done.stderr)
        assert ["output" in one for one in found] == [True], name


def test_extract_reads_files_of_other_formats_and_tells_what_it_leaves_out(tmp_path: Path) -> None:
    done, found = answers(tmp_path, "--input", SAMPLES / "table_open_quote.tsv", *SCHEMA)
    assert (done.returncode, done.stderr) == (0, "")
    assert [one["id"] for one in found] == ["1", "2", "3", "4", "5"]
    done, found = answers(tmp_path, "--input", SAMPLES / "table_comma_unquoted.csv", *SCHEMA)
    assert (done.returncode, [one["id"] for one in found]) == (2, ["2"])
    assert "line 2: the row '1,新机发布,售价4999元' has 3 fields" in done.stderr
    file = tmp_path / "a.jsonl"
    file.write_text("小 B-人\n王 I-人\n", encoding="utf-8")
    done, found = answers(tmp_path, "--input", file, "--format", "conll")
    assert (done.returncode, [one["id"] for one in found]) == (0, ["1"])
    done = uiebench("extract", "新机", "--format", "conll", *SCHEMA)
    assert (done.returncode, "--format goes with --input" in done.stderr) == (2, True)


def test_an_input_that_cannot_be_read_leaves_the_output_alone(tmp_path: Path) -> None:
    target = tmp_path / "out.jsonl"
    target.write_text("answers of yesterday\n", encoding="utf-8")
    done = uiebench("extract", "--input", SAMPLES / "gbk.jsonl", "--output", target, "--checkpoint", GOLDEN)
    assert (done.returncode, target.read_text(encoding="utf-8")) == (2, "answers of yesterday\n")


def test_a_suite_says_the_format_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "odd.dat").write_text("小 B-人\n王 I\n好 O\n", encoding="utf-8")
    (tmp_path / "bare.dat").write_text("新机售价\n", encoding="utf-8")

    def dry(*arguments: str, more: str, files: tuple[str, ...] = ("odd.dat",)) -> tuple[int, str]:
        done = uiebench("run", suite(tmp_path, *files, more=more), "--dry-run", "--checkpoint", GOLDEN, *arguments)
        return done.returncode, done.stdout + done.stderr

    status, said = dry(more="")
    assert (status, "fits no format" in said) == (2, True)
    status, said = dry(more='format = "conll"')
    assert (status, "on 1 texts" in said) == (0, True)
    status, said = dry("--format", "conll", more="")
    assert (status, "on 1 texts" in said) == (0, True)
    both = ("odd.dat", "bare.dat", "article")
    status, said = dry(
        more='format = { "odd.dat" = "conll", "bare.dat" = "plain" }\nschema = \'{"人": null}\'', files=both
    )
    assert (status, "on 3 texts" in said) == (0, True)
    status, said = dry(more='format = "conl"')
    assert (status, "did you mean 'conll'" in said) == (2, True)
    status, said = dry(more='format = { "od.dat" = "conll" }')
    assert (status, "unknown dataset 'od.dat'; did you mean 'odd.dat'" in said) == (2, True)


def test_a_suites_files_may_lie_beside_it_or_here(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
    path = suite(there, "mine.conll")

    def dry() -> tuple[int, str]:
        done = uiebench("run", path, "--dry-run", "--checkpoint", GOLDEN, cwd=here)
        return done.returncode, done.stdout + done.stderr

    assert dry()[0] == 2
    (there / "mine.conll").write_text("小 B-人\n", encoding="utf-8")
    assert dry()[0] == 0
    (here / "mine.conll").write_text("小 B-人\n", encoding="utf-8")
    status, said = dry()
    assert (status, "name it by its whole path" in said) == (2, True)
    (there / "mine.conll").unlink()
    assert dry()[0] == 0
