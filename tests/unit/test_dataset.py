from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.data.dataset import Example, dataset_names, find_dataset, parse_example, pick, read_dataset
from harness.data.ids import Ids
from harness.errors import InputError

GOOD: dict[str, Any] = {"id": "1", "text": "苏州到杭州", "schema": {"城市": None}}


def line(**changes: Any) -> str:
    """A good line with some keys changed; "gone" takes a key away."""
    return json.dumps({key: value for key, value in {**GOOD, **changes}.items() if value != "gone"})


def parse(line: str) -> Example:
    with Ids() as seen:
        return parse_example(line, 1, seen)


def gold(span: str, *offset: int) -> list[list[dict[str, Any]]]:
    return [[{"type": "城市", "span": span, "offset": list(offset)}]]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "own.jsonl"


def read(file: Path, *lines: str | bytes) -> list[Example]:
    file.write_bytes(b"\n".join(line if isinstance(line, bytes) else line.encode() for line in lines))
    return list(read_dataset(str(file)))


def test_a_line_may_have_gold_and_keys_that_are_not_known() -> None:
    example = parse(line(gold=gold("杭州", 3, 5), source="x"))
    assert example == Example("1", "苏州到杭州", {"城市": None}, gold("杭州", 3, 5))  # type: ignore[arg-type]


def test_a_schema_may_be_json_text_and_an_id_a_number() -> None:
    example = parse(line(id=7, schema='{"城市": null}'))
    assert (example.id, example.schema, example.gold) == ("7", {"城市": None}, None)


def test_blank_lines_are_passed_over(file: Path) -> None:
    assert [example.id for example in read(file, "", line(id="a"), "   ", line(id="b"), "")] == ["a", "b"]


def test_an_empty_file_is_an_empty_dataset(file: Path) -> None:
    assert read(file) == []


@pytest.mark.parametrize(
    ("bad", "fault"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "not an object but list"),
        ("null", "not an object but NoneType"),
        (line(text="gone"), "the key 'text' is missing"),
        (line(schema="gone"), "the key 'schema' is missing"),
        (line(id=1.5), "the id 1.5 must be a string"),
        (line(text=None), "the text must be a string, not null"),
        (line(text="\ud800"), "holds a lone surrogate"),
        (
            line().encode().replace(b'"1"', b'"1", "x": "\xff"').replace(b"\\u82cf", b"\xff"),
            "bytes that are not UTF-8",
        ),
        (line(schema=None), "the schema must be a dict"),
        (line(schema={}), "the schema is empty"),
        (line(schema="城市"), "the schema is not JSON"),
        (line(gold=7), "gold: Expected `array`"),
        (line(gold=[{}]), "gold: Expected `array`"),
        (line(gold=[[{"type": "城市", "span": "杭州"}]]), "gold: .*offset"),
        (line(gold=gold("杭州", 0, 2)), r"gold: '杭州' does not stand at \[0, 2\]"),
        (line(gold=gold("杭州", 3)), "gold: Expected `array` of length >= 2"),
        (line(gold=gold("杭州", 3, 5, 7)), "gold: Expected `array` of length <= 2"),
        (line(), "the id '1' is already on an earlier line"),
        (line(id=1), "the id '1' is already on an earlier line"),
    ],
)
def test_a_bad_line_is_refused_with_file_line_and_fault(file: Path, bad: str | bytes, fault: str) -> None:
    with pytest.raises(InputError, match=rf"own\.jsonl, line 3: .*{fault}"):
        read(file, line(), "", bad)


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(line(gold=gold("杭州", -2, 5)), id="counted from the end"),
        pytest.param(line(gold=gold("", 2, 2)), id="an empty span"),
        pytest.param(line(gold=[[]]), id="an empty chain"),
        pytest.param(line(gold=[[{"type": "国家", "span": "杭州", "offset": [3, 5]}]]), id="a type not in the schema"),
        pytest.param(line(id=True), id="an id that is a boolean"),
        pytest.param(line(id="\ud800"), id="an id that no file can hold"),
    ],
)
def test_gold_that_no_extractor_could_find_and_odd_ids_are_refused(bad: str) -> None:
    with pytest.raises(InputError):
        parse(bad)


def test_lines_before_a_bad_one_are_streamed(file: Path) -> None:
    file.write_text(f"{line()}\n{{\n", encoding="utf-8")
    stream = read_dataset(str(file))
    assert next(stream).id == "1"
    with pytest.raises(InputError, match="line 2"):
        next(stream)


@pytest.mark.parametrize("name", dataset_names())
def test_every_dataset_that_comes_with_the_tool_can_be_read(name: str) -> None:
    assert list(read_dataset(name))


def test_a_name_without_a_split_is_its_test_split() -> None:
    assert find_dataset("business") == find_dataset("business/test")


def test_an_unknown_dataset_names_the_near_one() -> None:
    with pytest.raises(InputError, match=r"did you mean 'business/test'\?.*a file's name ends in \.jsonl"):
        find_dataset("busines")


def test_a_dataset_file_that_is_not_there_is_named() -> None:
    with pytest.raises(InputError, match=r"'nowhere\.jsonl' does not exist"):
        find_dataset("nowhere.jsonl")


def lengths(*of: int) -> list[Example]:
    return [Example(str(i), "文" * length, {"城市": None}) for i, length in enumerate(of)]


@pytest.mark.parametrize(
    ("count", "picked"),
    [
        (None, [5, 1, 9, 3, 7]),
        (5, [5, 1, 9, 3, 7]),
        (99, [5, 1, 9, 3, 7]),
        (3, [5, 1, 9]),
        (2, [1, 9]),
        (1, [9]),
    ],
)
def test_picking_spreads_over_the_lengths_and_keeps_the_order(count: int | None, picked: list[int]) -> None:
    assert [len(example.text) for example in pick(lengths(5, 1, 9, 3, 7), count)] == picked


def test_picking_takes_so_many_and_none_twice() -> None:
    examples = lengths(*range(100))
    for count in range(1, 101):
        assert len({example.id for example in pick(examples, count)}) == count


def test_picking_from_nothing_gives_nothing() -> None:
    assert pick([], 3) == []
