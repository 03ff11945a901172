"""Each format is read as it is, written so that it is read again, and its faults are named."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data.check import check
from harness.data.files import read_file
from harness.data.formats.document import Document, Label, item, without_overlaps
from harness.data.formats.find import WritableFormat, find_formats, format_of
from harness.data.formats.told import Remark
from harness.errors import InputError
from harness.record import Chains

SAMPLES = Path(__file__).parents[1] / "data"
FLAT = ("cluener", "conll", "doccano", "label_studio", "brat", "native")
PAIRS = ("duie", "duee", "native")

# How a text of each sample begins, and the spans that are found in all of them.
EXPECTED = {
    "cluener.json": ("cluener", ["启明乳业", "陈立新", "青岛", "青岛啤酒", "青岛"]),
    "conll.bmes": ("conll", ["王岚", "成都市", "沪"]),
    "doccano.jsonl": ("doccano", ["耳机", "降噪"]),
    "label_studio.json": ("label_studio", ["苏州工业园区", "远山科技"]),
    "brat": ("brat", ["乙方", "6月30日前", "交付样机"]),
    "duie.json": ("duie", ["夏夜回信", "林初", "夏夜回信", "方渡", "方渡", "赣州"]),
    "duee.json": ("duee", ["裁员", "周五", "裁员", "海川物流", "裁员", "三百人"]),
    "native.jsonl": ("native", ["屏幕", "清楚", "续航", "一般"]),
}


def fails(line: int, said: str) -> None:
    if not isinstance(said, Remark):
        pytest.fail(f"line {line}: {said}")


@pytest.mark.parametrize("name", EXPECTED)
def test_a_sample_of_each_format_is_told_and_read(name: str) -> None:
    format_, spans = EXPECTED[name]
    assert format_ == format_of(SAMPLES / name).NAME
    examples = list(read_file(SAMPLES / name, fails))
    assert [link["span"] for one in examples for chain in one.gold or [] for link in chain] == spans
    for one in examples:
        for link in (link for chain in one.gold or [] for link in chain):
            assert one.text[slice(*link["offset"])] == link["span"]


def test_schemas_come_from_the_labels() -> None:
    def schema(name: str) -> object:
        return next(read_file(SAMPLES / name, fails)).schema

    assert schema("cluener.json") == {"company": None, "name": None, "address": None}
    assert schema("duie.json") == {"歌曲": {"作词": None, "作曲": None}, "人物": {"祖籍": None}}
    assert schema("duee.json") == {"组织关系-裁员(事件触发词)": {"时间": None, "裁员方": None, "裁员人数": None}}


texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30)
TYPES = ["产品", "价格", "company"]
EVERYTHING = {**dict.fromkeys(TYPES), "人物(事件触发词)": dict.fromkeys(TYPES)}
types = st.sampled_from(TYPES)


@st.composite
def documents(draw: st.DrawFn, name: str) -> list[Document]:
    """What a format can hold."""
    found = []
    for number in range(draw(st.integers(1, 4))):
        text = draw(texts)

        def span(text: str = text) -> tuple[int, int]:
            start = draw(st.integers(0, len(text) - 1))
            return start, draw(st.integers(start + 1, len(text)))

        chains: Chains = []
        if name in PAIRS and (name != "native" or draw(st.booleans())):
            for _ in range(draw(st.integers(0, 3))):
                ends = [item(text, type_, *span()) for type_ in ("人物(事件触发词)", draw(types))]
                if all(text.find(link["span"]) == link["offset"][0] for link in ends) and ends not in chains:
                    chains.append(ends)
        else:
            labels = {Label(*span(), type=draw(types)) for _ in range(draw(st.integers(0, 4)))}
            kept = without_overlaps(labels, 0, lambda _, __: None) if name == "conll" else labels
            chains = [[item(text, label.type, label.start, label.end)] for label in sorted(kept)]
        found.append(Document(str(number + 1), text, chains, number + 1, EVERYTHING if name == "native" else None))
    return found


def chains_of(found: Sequence[Document]) -> list[tuple[str, list[str]]]:
    return [(one.text, sorted(json.dumps(chain, sort_keys=True) for chain in one.chains or [])) for one in found]


@pytest.mark.parametrize("name", sorted({*FLAT, *PAIRS}))
@given(data=st.data())
def test_what_a_format_can_hold_comes_back(
    name: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    written = data.draw(documents(name))
    format_ = find_formats()[name]
    assert isinstance(format_, WritableFormat)
    path = tmp_path_factory.mktemp("round") / "file"
    format_.write(written, path, fails)
    assert chains_of(list(format_.read(path, fails))) == chains_of(written)


TRIPLE = '{"subject": "沪", "subject_type": "地", "predicate": "在", "object": "青"}'
EVENT = '{"event_type": "裁", "trigger": "岛", "trigger_start_index": 1, "arguments": []}'
STRANGE = '"schema": {"a": null}, "gold": [[{"type": "b", "span": "青", "offset": [0, 1]}]]'


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.jsonl", '{"text": "青岛", "label": [[0, 5, "地"]]}', "line 1: 地 at 0 to 5 lies outside the text of 2 "),
        ("a.json", '{"text": "青岛", "label": {"地": {"青": [[1, 1]]}}}', "line 1: 地 '青' does not stand at 1 to 1"),
        ("a.conll", "青 B-地\n岛 X-地\n", "line 2: the tag 'X-地' is none of"),
        ("a.conll", "青 B-地\n岛 I-人\n", "line 2: the tag 'I-人' goes on with a span that did not begin"),
        ("a.json", f'{{"text": "青岛", "spo_list": [{TRIPLE}]}}', "line 1: 在: '沪' does not stand in the text"),
        ("a.json", f'{{"text": "青岛", "event_list": [{EVENT}]}}', "line 1: the event 裁 has no arguments"),
        (
            "a.jsonl",
            '{"text": "青岛", "label": [[0, 1]]}',
            "line 1: the label [0, 1] is not a start, an end and a type",
        ),
        (
            "a.jsonl",
            f'{{"text": "青岛", {STRANGE}}}',
            "line 1: gold: the type",
        ),
    ],
)
def test_a_fault_is_named_with_its_line_and_left_out(tmp_path: Path, name: str, content: str, problem: str) -> None:
    told: list[str] = []
    file = tmp_path / name
    file.write_text(content, encoding="utf-8")
    format_ = "conll" if name == "a.conll" else None
    list(format_of(file, format_).read(file, lambda line, said: told.append(f"line {line}: {said}")))
    assert len(told) == 1
    assert told[0].startswith(problem)


def test_what_a_format_cannot_hold_is_named(tmp_path: Path) -> None:
    told: list[str] = []
    text = "屏幕清楚"
    chain = [item(text, "属性词", 0, 2), item(text, "情感词", 2, 4)]
    overlapping = [[item(text, "a", 0, 3)], [item(text, "b", 2, 4)]]
    broken = Document("3", "两\n行", [], 3)
    given_ = [Document("1", text, [chain], 1), Document("2", text, overlapping, 2), broken]
    conll = find_formats()["conll"]
    assert isinstance(conll, WritableFormat)
    conll.write(given_, tmp_path / "out", lambda line, said: told.append(f"{line}: {said}"))
    assert told[0] == "1: the chain 属性词 '屏幕' > 情感词 '清楚' has 2 links, and this format holds single spans"
    assert told[1] == "2: b at 2 to 4 overlaps the label before it"
    assert told[2].startswith("3: the text '3' is empty or has a line break")


def test_a_format_that_cannot_be_told_is_said_with_what_was_looked_at(tmp_path: Path) -> None:
    file = tmp_path / "what.dat"
    file.write_text("没有标签的一行")
    with pytest.raises(InputError, match=r"what.dat fits no format, by its name and its first lines; say which"):
        format_of(file)
    with pytest.raises(InputError, match="did you mean 'conll'"):
        format_of(file, "conl")
    for name in (None, "conll"):
        with pytest.raises(InputError, match=r"data file .*gone.* does not exist"):
            format_of(tmp_path / "gone.jsonl", name)


def test_unlabelled_texts_need_a_schema(tmp_path: Path) -> None:
    file = tmp_path / "plain.txt"
    file.write_text("售价三元\n\n屏幕很亮\n", encoding="utf-8")
    with pytest.raises(InputError, match="has no labels to take a schema from"):
        list(read_file(file, fails))
    examples = list(read_file(file, fails, schema={"价格": None}))
    assert [(one.id, one.text, one.gold) for one in examples] == [("1", "售价三元", None), ("3", "屏幕很亮", None)]


def test_columns_of_a_table_are_texts(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text('id,文本\na,"三元,\n包邮"\nb,\n', encoding="utf-8")
    told: list[tuple[int, str]] = []
    examples = list(read_file(file, lambda line, said: told.append((line, said)), schema={"价格": None}))
    assert [(one.id, one.text) for one in examples] == [("a", "三元,\n包邮")]
    assert told == [(4, "the column of texts is empty")]
    file.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(InputError, match="has no column text or 文本 or content or sentence but a, b"):
        list(read_file(file, fails, schema={"价格": None}))


def test_a_file_is_counted(tmp_path: Path) -> None:
    found = check(SAMPLES / "cluener.json", fails)
    assert (found.format, len(found.lengths), found.annotated, found.problems) == ("cluener", 2, 2, 0)
    assert found.types == {"company": 2, "address": 2, "name": 1}
    assert found.lengths_at(0.5, 1) == [10, 28]


def test_a_leaf_that_ends_early_and_an_id_that_comes_twice_are_named(tmp_path: Path) -> None:
    told: list[str] = []
    file = tmp_path / "a.jsonl"
    lines = [{"id": "a", "text": "青岛", "label": [[0, 2, "地"]]}, {"id": "a", "text": "沪", "label": []}]
    file.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    examples = list(read_file(file, lambda line, said: told.append(f"{line}: {said}"), schema={"地": {"人": None}}))
    assert [one.gold for one in examples] == [None]
    assert told == [
        "1: the chain 地 ends at a type that has 人 below it, for which the file has no labels; the gold is not known",
        "2: the id 'a' is already on an earlier line; ids must be unique",
    ]
