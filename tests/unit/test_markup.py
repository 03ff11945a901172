from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.data.dataset import Example, read_dataset
from harness.training.compile import write
from harness.training.grammar import read_grammar
from harness.training.markup import MarkupError, parse, read_file

SCHEMA = {"属性词": {"情感词": None}}
SOURCE = "{{拍照|属性词#1}}和{{录像|属性词#2}}都很{{稳|情感词<1;情感词<2}}"


def compiled(tmp_path: Path, text: str) -> Example:
    (tmp_path / "source").mkdir()
    source = tmp_path / "source" / "test.own.txt"
    source.write_text(f"### {json.dumps(SCHEMA)}\n{text}\n", encoding="utf-8")
    write(tmp_path)
    (example,) = read_dataset(str(tmp_path / "test.jsonl"))
    return example


def test_a_source_file_becomes_a_dataset_that_can_be_read(tmp_path: Path) -> None:
    example = compiled(tmp_path, SOURCE)
    assert (example.id, example.text) == ("own-001", "拍照和录像都很稳")
    assert example.gold is not None
    assert [[item["span"] for item in chain] for chain in example.gold] == [["拍照", "稳"], ["录像", "稳"]]


def test_a_child_belongs_to_every_mention_of_its_parent(tmp_path: Path) -> None:
    example = compiled(tmp_path, "{{屏幕|属性词#1}}{{亮|情感词<1}}，{{屏幕|属性词}}")
    assert example.gold is not None
    assert [chain[0]["offset"] for chain in example.gold] == [[0, 2], [4, 6]]


@pytest.mark.parametrize("source", ["{{屏幕", "屏幕|属性词}}", "{{|属性词}}", "{{亮|情感词<9}}", "{{亮|情感词<1#2}}"])
def test_markup_that_cannot_be_read_is_refused(source: str) -> None:
    with pytest.raises(MarkupError):
        parse(source)


def test_only_a_line_feed_ends_a_line_of_a_training_text() -> None:
    odd = "一\u2028二\x85三\x0c四"
    ((_, schema, text),) = read_file(f'### {{"价格": null}}\r\n{odd}\r\n')
    assert (schema, text) == ({"价格": None}, odd)
    assert read_grammar(f"@S\n{odd}\n").rules == {"S": (odd,)}
