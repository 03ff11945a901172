"""`uiebench data check`: what is wrong, or cannot be held, is named and counted."""

from __future__ import annotations

import json
from pathlib import Path

from in_process import uiebench

TEXT = "屏幕清晰，售价九元"


def item(type_: str, start: int, end: int) -> list[dict[str, object]]:
    return [{"type": type_, "span": TEXT[start:end], "offset": [start, end]}]


def write(path: Path, texts: int, gold: list[list[dict[str, object]]]) -> Path:
    schema = {chain[0]["type"]: None for chain in gold}
    lines = [{"id": str(number), "text": TEXT, "schema": schema, "gold": gold} for number in range(texts)]
    path.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in lines), encoding="utf-8")
    return path


def test_what_a_format_cannot_hold_is_named_and_counted(tmp_path: Path) -> None:
    file = write(tmp_path / "mine.jsonl", 25, [item("属性", 0, 2), item("评价", 1, 4), item("价格", 7, 9)])
    done = uiebench("data", "check", str(file), "--convert", "conll", str(tmp_path / "mine.conll"))
    assert done.returncode == 0, done.stderr
    assert "0 problems" in done.stdout
    assert "text 1: 评价 at 1 to 4 overlaps the label before it" in done.stdout
    assert "text 21" not in done.stdout
    assert "and 5 more" in done.stdout
    assert "(conll), 25 valid texts; left out because conll cannot hold them: 25" in done.stdout
    back = uiebench("data", "check", str(tmp_path / "mine.conll"), "--fix", str(tmp_path / "back.jsonl"))
    assert back.returncode == 0, back.stderr
    kept = [json.loads(line)["gold"] for line in (tmp_path / "back.jsonl").read_text(encoding="utf-8").splitlines()]
    assert kept == [[item("属性", 0, 2), item("价格", 7, 9)]] * 25


def test_a_fault_is_named_with_its_line_and_the_status_says_so(tmp_path: Path) -> None:
    file = write(tmp_path / "mine.jsonl", 3, [item("价格", 7, 9)])
    lines = file.read_text(encoding="utf-8").splitlines()
    lines[1] = lines[1].replace("[7, 9]", "[6, 8]")
    file.write_text("\n".join(lines), encoding="utf-8")
    done = uiebench("data", "check", str(file), "--fix", str(tmp_path / "fixed.jsonl"))
    assert done.returncode == 1
    assert "line 2: " in done.stdout
    assert "1 problems" in done.stdout
    assert "fixed.jsonl (native), 2 valid texts; with errors, left out or corrected as named: 1\n" in done.stdout
    kept = [json.loads(line)["gold"] for line in (tmp_path / "fixed.jsonl").read_text(encoding="utf-8").splitlines()]
    assert kept == [[item("价格", 7, 9)]] * 2


def test_a_faulty_label_costs_its_text_the_gold_and_an_empty_text_is_left_out(tmp_path: Path) -> None:
    labels = [[["a", 2, "属性"], [0, 2, "属性"]], [[5, 5, "价格"]], [[3, 1, "价格"]], [[7, 99, "价格"]], []]
    lines = [json.dumps({"text": TEXT, "label": found}, ensure_ascii=False) for found in labels]
    file = tmp_path / "mine.jsonl"
    file.write_text("\n".join([*lines, '{"text": "", "label": []}', '{"text": "少"']), encoding="utf-8")
    done = uiebench("data", "check", str(file), "--fix", str(tmp_path / "fixed.jsonl"))
    assert done.returncode == 1
    assert done.stdout.splitlines()[:6] == [
        "line 1: 属性 at 'a' to 2 has an offset that is not a whole number",
        "line 2: 价格 at 5 to 5 is empty",
        "line 3: 价格 at 3 to 1 ends before it begins",
        "line 4: 价格 at 7 to 99 lies outside the text of 9 characters",
        "line 6: the text is empty",
        "line 7: is not JSON: Expecting ',' delimiter at character 13",
    ]
    assert "5 texts, 1 annotated, 1 of these without a label\n" in done.stdout
    kept = [json.loads(line) for line in (tmp_path / "fixed.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [one.get("gold") for one in kept] == [None, None, None, None, []]


def test_what_a_terminal_would_act_on_is_not_printed(tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    labels = [[0, 2, "\x1b[31m属性"], [0, 99, "\x1b]0;价格\x07"]]
    file.write_text("\n".join(json.dumps({"text": TEXT, "label": found}) for found in (labels, labels[:1])))
    done = uiebench("data", "check", str(file))
    assert "]0;价格 at 0 to 99 lies outside" in done.stdout
    assert "  属性: 1" in done.stdout
    assert {"\x1b", "\x07"}.isdisjoint(done.stdout + done.stderr)


def test_the_file_that_is_read_is_not_written_over(tmp_path: Path) -> None:
    file = write(tmp_path / "mine.jsonl", 2, [item("价格", 7, 9)])
    before = file.read_bytes()
    for options in (("--fix", str(file)), ("--convert", "cluener", str(tmp_path / "." / "mine.jsonl"))):
        done = uiebench("data", "check", str(file), *options)
        assert (done.returncode, file.read_bytes()) == (2, before)
        assert "is the file that is read; write to another one" in done.stderr


def test_problems_are_printed_where_the_reading_fails_too(tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    file.write_text("\n".join(json.dumps({"text": TEXT, "label": [[0, 99, "价格"]]}) for _ in range(25)))
    done = uiebench("data", "check", str(file))
    assert done.returncode == 2
    assert "line 1: 价格 at 0 to 99 lies outside" in done.stdout
    assert "and 5 more\n" in done.stdout
    assert "has no labels to take a schema from" in done.stderr


def test_a_note_is_printed_and_does_not_change_the_status() -> None:
    done = uiebench("data", "check", "tests/data/label_studio_emoji.json")
    assert done.returncode == 0
    assert "note: line 1: the offsets are read as UTF-16 code units: the labels fit so" in done.stdout
    assert "0 problems" in done.stdout


def test_evaluate_scores_the_texts_whose_gold_is_known_and_says_how_many() -> None:
    done = uiebench("evaluate", "--data", "tests/data/label_studio_skipped.json")
    assert done.returncode == 0, done.stderr
    assert "the gold of 1 of 3 texts is known; F1 is over these" in done.stderr
    assert done.stdout.split("micro")[1].split() == ["1.000", "1.000", "1.000", "2", "2", "2"]
