"""DuIE and DuEE-fin give words and no offsets: where the words stand, and what is said where that is not sure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.data.formats import duee, duie
from harness.data.formats.document import Document, item
from harness.data.formats.find import Format, find_formats, format_of
from harness.data.formats.told import Remark

SAMPLES = Path(__file__).parents[1] / "data"


def fails(line: int, said: str) -> None:
    pytest.fail(f"line {line}: {said}")


def read(path: Path, format_: Format) -> tuple[list[Document], list[str], list[str]]:
    """The documents, the faults and the remarks."""
    faults, remarks = list[str](), list[str]()

    def tell(line: int, said: str) -> None:
        (remarks if isinstance(said, Remark) else faults).append(f"{line}: {said}")

    return list(format_.read(path, tell)), faults, remarks


def links(one: Document) -> list[list[tuple[str, str, int]]]:
    for chain in one.chains or []:
        for link in chain:
            assert one.text[slice(*link["offset"])] == link["span"]
    return [[(link["type"], link["span"], link["offset"][0]) for link in chain] for chain in one.chains or []]


def triple(subject: Any, object_: Any, **more: Any) -> dict[str, Any]:
    return {"subject": subject, "subject_type": "甲", "predicate": "乙", "object": object_, "object_type": "丙", **more}


def of_duie(tmp_path: Path, text: str, *triples: Any) -> tuple[Document, list[str], list[str]]:
    file = tmp_path / "a.json"
    file.write_text(json.dumps({"text": text, "spo_list": triples}, ensure_ascii=False) + "\n", encoding="utf-8")
    (found,), faults, remarks = read(file, duie)
    return found, faults, remarks


def test_what_an_object_holds_besides_its_value_has_a_type_of_its_own() -> None:
    (found,), faults, remarks = read(SAMPLES / "duie_qualifiers.jsonl", duie)
    subject = ("影视作品", "星河之外", 1)
    assert links(found) == [
        [subject, ("票房", "3.2亿美元", 19)],
        [subject, ("票房_inArea", "北美", 12)],
        [subject, ("导演", "张某", 29)],
    ]
    assert (faults, remarks, found.complete) == ([], [], True)


def test_words_that_stand_once_but_for_case_or_blanks_are_found_and_said() -> None:
    found, faults, remarks = read(SAMPLES / "duie_other_case.jsonl", duie)
    assert [links(one)[0][0] for one in found] == [
        ("软件", "qq音乐", 0),
        ("影视作品", "星河 之外", 1),
        ("影视作品", "云", 1),
    ]
    assert faults == []
    assert remarks == [
        "1: 公司: 'QQ音乐' stands in the text as 'qq音乐', and is taken so",
        "2: 导演: '星河之外' stands in the text as '星河 之外', and is taken so",
    ]


@pytest.mark.parametrize(
    ("text", "words", "span"),
    [
        ("ＱＱ音乐由某讯推出", "QQ音乐", "ＱＱ音乐"),
        ("某讯推出iPhone１５", "iphone 15", "iPhone１５"),
        ("某讯的\u3000Straße", "STRASSE", "Straße"),
        ("某讯的星\n河", "星河", "星\n河"),
    ],
)
def test_width_case_and_blanks_of_every_sort_are_looked_past(tmp_path: Path, text: str, words: str, span: str) -> None:
    found, faults, (said,) = of_duie(tmp_path, text, triple(words, "某讯"))
    assert links(found)[0][0][1] == span
    assert faults == []
    assert "stands in the text as" in said


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (triple("沪", "青"), "1: 乙: '沪' does not stand in the text; it is left out"),
        (triple("qQ", "青"), "1: 乙: 'qQ' does not stand in the text, and 2 times but for case, width and blanks"),
        (triple("", "青"), "1: 乙: '' does not stand in the text"),
        (triple("青", {"inArea": "岛"}), "1: the object of '乙' has no '@value'"),
        (triple("青", None), "1: a relation is not as this format has it: Expected `str | object`, got `null`"),
        (triple("青", {"@value": 7}), "1: a relation is not as this format has it: Expected `str`, got `int`"),
        (triple(["青"], "岛"), "1: a relation is not as this format has it: Expected `str`, got `array`"),
        (triple("青", "岛", subject_type=7), "1: a relation is not as this format has it: Expected `str`, got `int`"),
        ("青", "1: a relation is not as this format has it: Expected `object`, got `str`"),
        ({}, "1: a relation is not as this format has it: Object missing required field `subject`"),
    ],
)
def test_a_relation_that_cannot_be_used_is_told_and_its_text_is_not_complete(
    tmp_path: Path, given: Any, said: str
) -> None:
    found, faults, _ = of_duie(tmp_path, "青岛的QQ和qq", given, triple("青", "岛"))
    assert ([("甲", "青", 0), ("乙", "岛", 1)] in links(found), found.complete) == (True, False)
    assert faults[0].startswith(said)


def test_of_words_that_stand_several_times_the_nearest_pair_is_taken_and_said(tmp_path: Path) -> None:
    found, faults, remarks = of_duie(tmp_path, "云很美。张某拍了很久，《云》由张某执导", triple("云", "张某"))
    assert links(found) == [[("甲", "云", 12), ("乙", "张某", 15)]]
    assert (faults, found.complete) == ([], True)
    assert remarks == [
        f"1: 乙: {words!r} stands 2 times in the text, and no offset says which; the nearest pair is taken"
        for words in ("云", "张某")
    ]


def test_two_words_of_a_pair_do_not_share_a_character_where_that_can_be(tmp_path: Path) -> None:
    found, *_ = of_duie(tmp_path, "张某传的作者是张某", triple("张某传", "张某"))
    assert links(found) == [[("甲", "张某传", 0), ("乙", "张某", 7)]]


def test_words_that_are_both_ends_of_a_relation_are_left_out_where_either_may_be_either() -> None:
    (found,), faults, _ = read(SAMPLES / "duie_same_words.jsonl", duie)
    assert (found.chains, found.complete) == ([], False)
    assert faults == ["1: 主演: '张某' stands 3 times in the text and is both ends of a relation; it is left out"]


def test_a_word_that_stands_very_often_is_found_in_little_time(tmp_path: Path) -> None:
    found, *_ = of_duie(tmp_path, "好" * 200_000 + "坏" * 200_000, triple("好", "坏"), triple("坏", "好"))
    assert len(found.chains or []) == 2


def test_what_is_written_says_where_its_words_stand(tmp_path: Path) -> None:
    text = "云和云，风和风"
    chain = [item(text, "甲", 2, 3), item(text, "乙", 6, 7)]
    duie.write([Document("1", text, [chain], 1), Document("2", text, None, 2)], tmp_path / "a.json", fails)
    (labelled, bare), faults, _ = read(tmp_path / "a.json", duie)
    assert (labelled.chains, bare.chains, faults) == ([chain], None, [])


def test_a_test_split_has_no_gold_rather_than_none() -> None:
    assert format_of(SAMPLES / "duie_test_split.jsonl").NAME == "bare"
    for name in ("duie", "duee"):
        (found,), faults, (said,) = read(SAMPLES / "duie_test_split.jsonl", find_formats()[name])
        assert (found.chains, faults) == (None, [])
        assert said.endswith("_list', so its gold is not known")


def test_events_without_offsets_are_found_by_their_words() -> None:
    (found,), faults, remarks = read(SAMPLES / "duee_fin.jsonl", duee)
    trigger = ("质押(事件触发词)", "质押", 8)
    assert links(found) == [[trigger, ("质押方", "李某", 6)], [trigger, ("质押股票数量", "500万股", 10)]]
    assert (faults, remarks) == ([], [])


def test_a_format_is_told_by_the_first_line_that_has_labels() -> None:
    path = SAMPLES / "duee_fin_no_event_first.jsonl"
    assert format_of(path).NAME == "duee"
    found, faults, remarks = read(path, duee)
    assert [one.chains is None for one in found] == [True, False]
    assert (faults, remarks) == ([], ["1: the text has no 'event_list', so its gold is not known"])


def test_an_event_without_arguments_is_told_and_has_no_chain() -> None:
    found, faults, _ = read(SAMPLES / "duee_no_arguments.jsonl", duee)
    assert [len(one.chains or []) for one in found] == [2, 0]
    assert faults == ["2: the event 组织关系-裁员 has no arguments, and a chain ends at one"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"trigger_start_index": -5}, "丁(事件触发词): '裁员' does not stand at -5 in the text"),
        ({"trigger_start_index": 10**30}, f"'裁员' does not stand at {10**30} in the text"),
        ({"trigger_start_index": 1.5}, "an event is not as this format has it: Expected `int | null`, got `float`"),
        ({"trigger_start_index": "3"}, "an event is not as this format has it: Expected `int | null`, got `str`"),
        ({"event_type": None}, "an event is not as this format has it: Expected `str`, got `null`"),
        ({"arguments": {"a": 1}}, "an event is not as this format has it: Expected `array`, got `object`"),
        ({"arguments": [{"role": "己", "argument": "无"}]}, "己: '无' does not stand in the text"),
    ],
)
def test_an_event_that_cannot_be_used_is_told_and_its_text_is_not_complete(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    event = {"event_type": "丁", "trigger": "裁员", "trigger_start_index": 3, "arguments": []}
    event["arguments"] = [{"role": "己", "argument": "某公司", "argument_start_index": 0}]
    file = tmp_path / "a.json"
    file.write_text(json.dumps({"text": "某公司裁员", "event_list": [{**event, **changes}]}), encoding="utf-8")
    (found,), faults, _ = read(file, duee)
    assert (found.chains, found.complete) == ([], False)
    assert said in faults[0]
