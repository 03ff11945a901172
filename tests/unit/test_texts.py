from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from harness.data.check import check
from harness.data.texts import is_file, read_texts
from harness.errors import InputError
from harness.plan.suite import Suite, Texts
from harness.run.texts import choose, read_examples, with_texts

SAMPLES = Path(__file__).parents[1] / "data"
OVERLAPPING = {"text": "卖八元", "label": [[1, 3, "价格"], [0, 9, "产品"]]}


@pytest.mark.parametrize("name", ["cluener.json", "conll.bmes", "doccano.jsonl", "duee.json", "duie.json", "brat"])
def test_a_file_of_any_format_is_read_by_its_name_alone(name: str) -> None:
    examples = list(read_texts(str(SAMPLES / name), pytest.fail))
    assert examples
    assert all(example.gold is not None and example.schema for example in examples)


def test_what_cannot_be_used_is_left_out_and_told_once(tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    file.write_text("".join(json.dumps(OVERLAPPING, ensure_ascii=False) + "\n" for _ in range(5)), encoding="utf-8")
    told: list[str] = []
    examples = list(read_texts(str(file), told.append))
    assert len(examples) == 5
    assert all(example.gold is None and example.schema == {"价格": None} for example in examples)
    said, unknown = told
    assert "F1 leaves the text out; the same holds for 4 more" in unknown
    assert "line 1: " in said
    assert "and 2 more" in said
    assert f"uiebench data check {file}" in said


def test_a_file_in_the_tools_own_format_is_strict(tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    file.write_text('{"id": "1", "text": "八元", "schema": {"价格": null}}\n{"id": "1"\n', encoding="utf-8")
    with pytest.raises(InputError, match="line 2: is not JSON"):
        list(read_texts(str(file), pytest.fail))
    file.write_text("nonsense\n")
    with pytest.raises(InputError, match="line 1: is not JSON"):
        list(read_texts(str(file), pytest.fail))


def test_texts_without_labels_need_a_schema(tmp_path: Path) -> None:
    file = tmp_path / "plain.txt"
    file.write_text("八元一斤\n九元两斤\n", encoding="utf-8")
    with pytest.raises(InputError, match="no labels to take a schema from"):
        choose(Texts([str(file)]), pytest.fail)
    timed, compared = choose(Texts([str(file)], count=1, compared=[str(file)], schema='{"价格": null}'), pytest.fail)
    assert ([one.id for one in timed], [one.id for one in compared]) == (["plain:2"], ["plain:1"])
    assert timed[0].gold is None
    with pytest.raises(InputError, match="the schema is not JSON"):
        choose(Texts([str(file)], schema="{价格}"), pytest.fail)


def test_a_dataset_is_no_file_and_a_file_that_is_missing_is_named() -> None:
    assert not is_file("business")
    assert not is_file("business/dev")
    assert is_file(str(SAMPLES / "brat"))
    with pytest.raises(InputError, match=r"data file .*absent\.json' does not exist"):
        list(read_texts("absent.json", pytest.fail))
    with pytest.raises(InputError, match="did you mean 'business/test'"):
        list(read_texts("busines", pytest.fail))


def test_two_files_whose_texts_would_have_the_same_names_are_refused(tmp_path: Path) -> None:
    line = '{"id": "1", "text": "八元", "schema": {"价格": null}}\n'
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.jsonl").write_text(line, encoding="utf-8")
    files = [str(tmp_path / folder / "mine.jsonl") for folder in ("a", "b")]
    with pytest.raises(InputError, match="would have the same names, mine:ID"):
        choose(Texts(files), pytest.fail)


def test_a_file_that_is_only_compared_has_names_of_its_own_too(tmp_path: Path) -> None:
    line = '{"id": "1", "text": "八元", "schema": {"价格": null}}\n'
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.jsonl").write_text(line, encoding="utf-8")
    timed, other = (str(tmp_path / folder / "mine.jsonl") for folder in ("a", "b"))
    with pytest.raises(InputError, match="would have the same names, mine:ID"):
        choose(Texts([timed], compared=[other]), pytest.fail)
    assert choose(Texts([timed], compared=[timed]), pytest.fail)[1] == ()


def test_the_tools_own_format_is_strict_whatever_the_file_is_called(tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    good = '{"id": "1", "text": "八元", "schema": {"价格": null}}\n'
    file.write_text(good + good, encoding="utf-8")
    with pytest.raises(InputError, match="line 2: the id '1' is already on an earlier line"):
        list(read_texts(str(file), pytest.fail))


def test_a_schema_for_texts_that_carry_theirs_is_refused(tmp_path: Path) -> None:
    schema, native, plain = '{"价格": null}', SAMPLES / "native.jsonl", tmp_path / "plain.txt"
    plain.write_text("八元一斤\n", encoding="utf-8")
    for name in ("article", str(native)):
        with pytest.raises(InputError, match="carry a schema each"):
            list(read_texts(name, pytest.fail, schema=schema))
    with pytest.raises(InputError, match="carry a schema each"):
        check(native, lambda _, __: None, schema=schema)
    with pytest.raises(InputError, match="carry a schema each"):
        choose(Texts(["article"], compared=[str(native)], schema=schema), pytest.fail)
    timed, compared = choose(Texts(["article"], compared=[str(plain)], schema=schema), pytest.fail)
    assert len(timed[0].schema) > 1
    assert dict(compared[0].schema) == {"价格": None}
    with pytest.raises(InputError, match="did you mean 'business/test'"):
        list(read_texts("busines", pytest.fail, schema=schema))


def test_what_a_suite_asked_for_can_be_read_again_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "odd.dat").write_text("小 B-人\n王 I\n好 O\n", encoding="utf-8")
    suite = Suite(Texts(["odd.dat"], format={"odd.dat": "conll"}, compared=["article"]))
    monkeypatch.chdir(tmp_path)
    asked = with_texts(suite, Path("there"), None).texts
    timed, compared = choose(asked, lambda _: None)
    again = msgspec.convert(msgspec.to_builtins(asked), Texts)
    assert again == asked
    assert [one.id for one in read_examples(again, lambda _: None)] == [one.id for one in (*timed, *compared)]
    assert timed[0].id == "odd:1"
    assert with_texts(suite, Path("there"), "native").texts.format == "native"


def test_the_command_that_names_all_faults_reads_the_file_as_it_was_read(tmp_path: Path) -> None:
    file, told = tmp_path / "a file.dat", list[str]()
    file.write_text("小 B-人\n王 I\n好 O\n", encoding="utf-8")
    list(read_texts(str(file), told.append, format_name="conll"))
    assert f"`uiebench data check '{file}' --format conll` names each" in told[0]


def test_of_many_remarks_a_few_are_told_and_all_are_counted(tmp_path: Path) -> None:
    file, told = tmp_path / "a.json", list[str]()
    triple = {"subject": "QQ", "subject_type": "甲", "predicate": "乙", "object": "云", "object_type": "丙"}
    line = json.dumps({"text": "qq的云", "spo_list": [triple]}, ensure_ascii=False)
    file.write_text(f"{line}\n" * 9, encoding="utf-8")
    assert len(list(read_texts(str(file), told.append))) == 9
    assert len(told) == 4
    assert told[-1].endswith(f" and 6 more remarks (`uiebench data check {file}` has each)")
