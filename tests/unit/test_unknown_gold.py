"""A gold that is not known is not taken for none: F1 leaves such texts out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.data.check import check
from harness.data.dataset import Example
from harness.data.files import read_file
from harness.data.formats.told import Remark
from harness.data.texts import read_texts
from harness.errors import InputError

SAMPLES = Path(__file__).parents[1] / "data"


def read(path: Path, **options: Any) -> tuple[list[Example], list[str]]:
    told: list[str] = []
    return list(read_file(path, lambda _, said: told.append(said), **options)), told


def write(path: Path, found: Any) -> Path:
    path.write_text(json.dumps(found, ensure_ascii=False), encoding="utf-8")
    return path


def label(start: int, end: int, words: str, type_: str = "价格", **other: Any) -> dict[str, Any]:
    value = {"start": start, "end": end, "text": words, "labels": [type_]}
    return {"id": f"{type_}{start}", "type": "labels", "to_name": "text", "value": value, **other}


def test_skipped_and_unannotated_tasks_have_no_gold() -> None:
    examples, told = read(SAMPLES / "label_studio_skipped.json")
    assert [one.gold is not None for one in examples] == [True, False, False]
    assert all(isinstance(said, Remark) for said in told)
    assert told == [
        "the task was skipped, so its gold is not known",
        "the task is not annotated, so its gold is not known",
        "the gold of 1 of 3 texts is known; F1 is over these",
    ]


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ({"predictions": [{"result": [label(0, 2, "八元")]}]}, "predictions are not gold"),
        ({"annotations": [], "predictions": [{"result": [label(0, 2, "八元")]}]}, "predictions are not gold"),
        ({"completions": [{"skipped": True, "result": []}]}, "the task was skipped"),
        ({"completions": []}, "the task is not annotated"),
        (
            {"annotations": [{"result": [label(0, 2, "八元", type="hypertextlabels")]}]},
            "'hypertextlabels' is not a label",
        ),
        ({"annotations": [{"result": [{**label(0, 2, "八元"), "value": {"start": 0, "end": 2}}]}]}, "has no type"),
        ({"annotations": [{"result": [label(0, 2, "九元")]}]}, "'九元' does not stand at 0 to 2"),
        ({"annotations": [{"result": [{"type": "labels"}]}]}, "the labels are not as this format has them: KeyError"),
    ],
)
def test_a_task_without_labels_that_can_be_read_has_no_gold(task: dict[str, Any], said: str, tmp_path: Path) -> None:
    sound = {"id": 1, "data": {"text": "八元一斤"}, "annotations": [{"result": [label(0, 2, "八元")]}]}
    examples, told = read(write(tmp_path / "a.json", [sound, {"id": 2, "data": {"text": "八元一斤"}, **task}]))
    assert [one.gold is not None for one in examples] == [True, False]
    assert said in told[0]


def test_an_empty_list_of_labels_is_none_and_known() -> None:
    assert [one.gold for one in read(SAMPLES / "doccano.jsonl")[0]][1] == []


@pytest.mark.parametrize(
    ("name", "known"),
    [("cluener_faulty_label.json", [True, False]), ("cluener_one_labelled.json", [False, True])],
)
def test_a_text_without_labels_and_one_with_a_faulty_label_have_no_gold(name: str, known: list[bool]) -> None:
    examples, told = read(SAMPLES / name)
    assert [one.gold is not None for one in examples] == known
    assert told[-1] == "the gold of 1 of 2 texts is known; F1 is over these"


def test_a_test_file_without_labels_needs_a_schema_and_has_no_gold() -> None:
    told: list[str] = []
    with pytest.raises(InputError, match="no labels to take a schema from"):
        list(read_file(SAMPLES / "cluener_unlabelled.json", lambda _, said: told.append(said), "cluener"))
    assert told == ["the text has no 'label', so its gold is not known; the same holds for 1 more"]
    examples, _ = read(SAMPLES / "cluener_unlabelled.json", format_name="cluener", schema={"公司": None})
    assert [one.gold for one in examples] == [None, None]


@pytest.mark.parametrize(
    "faulty", [[[0, 1, "地"], [9, 12, "地"]], [[0, 1, None]], [[0, 1, "地"], 5], [[True, 1, "地"]], {}, 5]
)
def test_doccanos_faulty_labels_cost_the_text_its_gold_and_not_the_text(faulty: Any, tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    lines = [{"text": "沪青", "label": [[0, 1, "地"]]}, {"text": "青岛", "label": faulty}]
    file.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in lines), encoding="utf-8")
    examples, told = read(file)
    assert [one.gold is not None for one in examples] == [True, faulty == {}]
    assert bool(told) == (faulty != {})


def test_brats_text_without_annotations_has_no_gold_and_one_with_an_empty_file_has_none(tmp_path: Path) -> None:
    for name, rows in (("a", "T1\t地 0 1\t沪\n"), ("b", ""), ("c", None)):
        (tmp_path / f"{name}.txt").write_text("沪青", encoding="utf-8")
        if rows is not None:
            (tmp_path / f"{name}.ann").write_text(rows, encoding="utf-8")
    (tmp_path / "d.ann").write_text("T1\t地 0 1\t沪\n", encoding="utf-8")
    examples, told = read(tmp_path)
    assert [one.gold if one.gold is None else len(one.gold) for one in examples] == [1, 0, None]
    assert told[0].startswith("d.txt cannot be read: ")
    assert told[1] == "the text has no .ann file, so its gold is not known: c.txt"


def test_labels_that_the_schema_does_not_ask_for_are_left_out_and_those_it_asks_deeper_are_not_known(
    tmp_path: Path,
) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text(json.dumps({"text": "沪青", "label": [[0, 1, "地"], [1, 2, "色"]]}), encoding="utf-8")
    (example,), told = read(file, schema={"地": None})
    assert [link["span"] for chain in example.gold or [] for link in chain] == ["沪"]
    assert told == ["the schema does not ask for 色, so these labels are left out"]
    (example,), told = read(file, schema={"地": None, "色": None, "味": None})
    assert len(example.gold or []) == 2
    assert told == ["the schema asks for 味, which no label has: what is found counts as wrong"]
    (example,), told = read(file, schema={"地": {"街": None}, "色": None})
    assert example.gold is None
    assert "ends at a type that has 街 below it" in told[0]


def test_what_is_wrong_is_told_where_the_reading_fails_too(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text('{"text": "青岛", "label": [[0, 9, "地"]]}\n{"text"\n', encoding="utf-8")
    for tell in (read_file, check):
        told: list[str] = []
        with pytest.raises(InputError, match="no labels to take a schema from"):
            list(tell(file, lambda line, said, told=told: told.append(f"{line}: {said}"), "doccano"))  # type: ignore
        assert told[0] == "1: 地 at 0 to 9 lies outside the text of 2 characters"
        assert any(said.startswith("2: is not JSON") for said in told)
    warned: list[str] = []
    with pytest.raises(InputError, match="no labels to take a schema from"):
        list(read_texts(str(file), warned.append, format_name="doccano"))
    assert "地 at 0 to 9 lies outside" in warned[0]


@pytest.mark.parametrize(
    "found",
    [
        [
            {
                "id": 1,
                "data": {"source": "微博", "content": "八元一斤"},
                "annotations": [{"result": [label(0, 2, "八元")]}],
            }
        ],
        {"id": 1, "data": {"text": "八元一斤"}, "annotations": [{"result": [label(0, 2, "八元")]}]},
        [{"id": 1, "data": {"text": "八元一斤"}, "completions": [{"result": [label(0, 2, "八元")]}]}],
        [
            {
                "id": 5,
                "result": [label(0, 2, "八元")],
                "task": {"id": 1, "data": {"text": "八元一斤"}},
                "annotations": "",
            }
        ],
        [
            {
                "id": 1,
                "text": "八元一斤",
                "label": [{"start": 0, "end": 2, "text": "八元", "labels": ["价格"]}],
                "annotator": 1,
                "annotation_id": 2,
            }
        ],
    ],
)
def test_the_shapes_of_label_studios_exports_are_read(found: Any, tmp_path: Path) -> None:
    (example,), _ = read(write(tmp_path / "a.json", found))
    assert (example.id, example.text) == ("1", "八元一斤")
    assert [link["span"] for chain in example.gold or [] for link in chain] == ["八元"]


def test_tasks_to_be_labelled_are_told_as_such_and_have_no_gold(tmp_path: Path) -> None:
    examples, told = read(write(tmp_path / "a.json", [{"data": {"text": "八元一斤"}}]), schema={"价格": None})
    assert [one.gold for one in examples] == [None]
    assert told == ["the task is not annotated, so its gold is not known"]


def test_label_studios_tasks_may_stand_a_line_each(tmp_path: Path) -> None:
    tasks = [
        {"id": number, "data": {"text": "八元一斤"}, "annotations": [{"result": [label(0, 2, "八元")]}]}
        for number in (1, 2)
    ]
    file = tmp_path / "a.jsonl"
    file.write_text("\n".join(json.dumps(task, ensure_ascii=False) for task in tasks), encoding="utf-8")
    examples, told = read(file)
    assert ([one.id for one in examples], told) == (["1", "2"], [])


def test_the_text_is_the_string_that_the_labels_stand_in() -> None:
    (example,), told = read(SAMPLES / "label_studio_text_key.json")
    assert example.text == "Aurora 6售价3999元"
    assert told == ["the texts are those under the key 'content', where the labels' own text stands"]


@pytest.mark.parametrize(
    ("data", "results", "texts", "said"),
    [
        ({"note": "短", "body": "八元一斤还包邮"}, [], ["八元一斤还包邮"], "under the key 'body', the longest"),
        ({"text": "八元", "body": "八元一斤还包邮"}, [label(0, 2, "八元")], ["八元"], ""),
        (
            {"text": "某平台", "body": "卖八元一斤"},
            [label(1, 3, "八元")],
            ["卖八元一斤"],
            "under the key 'body', where",
        ),
        (
            {"title": "八元苹果", "body": "卖八元一斤"},
            [label(0, 2, "八元", to_name="t"), label(0, 4, "八元苹果", to_name="t"), label(1, 3, "八元", to_name="b")],
            ["八元苹果", "卖八元一斤"],
            "under the key 'title', where",
        ),
    ],
)
def test_the_text_of_other_tasks_too_is_found_by_labels_name_or_length(
    data: dict[str, str], results: list[Any], texts: list[str], said: str, tmp_path: Path
) -> None:
    task = {"id": 1, "data": data, "annotations": [{"result": results}]}
    examples, told = read(write(tmp_path / "a.json", [task]), schema={"价格": None})
    assert [one.text for one in examples] == texts
    assert all(one.gold is not None for one in examples)
    assert (said in told[0]) if said else told == []


@pytest.mark.parametrize(("truth", "expected", "faults"), [(False, "八元", 1), (True, "一斤", 0)])
def test_of_several_annotations_the_ground_truth_counts_or_else_the_first(
    truth: bool, expected: str, faults: int, tmp_path: Path
) -> None:
    annotations = [{"result": [label(0, 2, "八元")]}, {"result": [label(2, 4, "一斤")], "ground_truth": truth}]
    task = {"id": 1, "data": {"text": "八元一斤"}, "annotations": annotations}
    (example,), told = read(write(tmp_path / "a.json", [task]))
    assert [link["span"] for chain in example.gold or [] for link in chain] == [expected]
    assert len(told) == faults
