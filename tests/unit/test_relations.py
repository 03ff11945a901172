"""Relations between labels are read as chains of two, and written from them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data.files import read_file
from harness.data.formats.document import Document, item
from harness.data.formats.find import WritableFormat, find_formats
from harness.data.formats.told import Remark
from harness.record import Chains

SAMPLES = Path(__file__).parents[1] / "data"
HOLD_RELATIONS = ("brat", "doccano", "label_studio")
TEXT = "远山科技由陈立新创办，总部在苏州"
COMPANY, PERSON, PLACE = (0, 4), (5, 8), (14, 16)


def fails(line: int, said: str) -> None:
    if not isinstance(said, Remark):
        pytest.fail(f"line {line}: {said}")


def paths(chains: Chains | None) -> list[str]:
    return sorted(" > ".join(f"{link['type']} {link['span']}" for link in chain) for chain in chains or [])


@pytest.mark.parametrize(
    ("name", "expected", "schema"),
    [
        (
            "doccano_relations.jsonl",
            [
                ["人物 陈立新", "公司 远山科技 > 创办人 陈立新", "公司 远山科技 > 总部 苏州", "地点 苏州"],
                ["地点 苏州"],
            ],
            {"公司": {"创办人": None, "总部": None}, "人物": None, "地点": None},
        ),
        (
            "label_studio_relations.json",
            [["产品 Aurora 5 > 售价 4999元", "产品 Aurora 5 > 属性 续航", "价格 4999元", "属性 续航"]],
            {"产品": {"售价": None, "属性": None}, "价格": None, "属性": None},
        ),
        (
            "brat_relations",
            [
                [
                    "人物 陈立新",
                    "公司 远山科技 > 创办人 陈立新",
                    "时间 4月5日",
                    "胜负 战胜 > 时间 4月5日",
                    "胜负 战胜 > 胜者 青队",
                    "胜负 战胜 > 败者 白队",
                    "队伍 白队",
                    "队伍 青队",
                ]
            ],
            {
                "公司": {"创办人": None},
                "胜负": {"胜者": None, "败者": None, "时间": None},
                "人物": None,
                "时间": None,
                "队伍": None,
            },
        ),
    ],
)
def test_a_relation_is_a_chain_from_its_subject_and_a_label_stands_alone_unless_it_is_one(
    name: str, expected: list[list[str]], schema: dict[str, Any]
) -> None:
    examples = list(read_file(SAMPLES / name, fails))
    assert [paths(one.gold) for one in examples] == [sorted(chains) for chains in expected]
    assert examples[0].schema == schema


def label_studio(path: Path, *results: dict[str, Any]) -> Path:
    labels = [
        {
            "id": id_,
            "type": "labels",
            "to_name": "text",
            "value": {"start": start, "end": end, "text": TEXT[start:end], "labels": [type_]},
        }
        for id_, (start, end), type_ in (("a", COMPANY, "公司"), ("b", PERSON, "人物"))
    ]
    task = {"id": 1, "data": {"text": TEXT}, "annotations": [{"result": [*labels, *results]}]}
    path.write_text(json.dumps([task], ensure_ascii=False), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("direction", "expected"),
    [
        ("right", ["人物 陈立新", "公司 远山科技 > 创办 陈立新"]),
        ("left", ["人物 陈立新 > 创办 远山科技", "公司 远山科技"]),
        ("bi", ["人物 陈立新 > 创办 远山科技", "公司 远山科技 > 创办 陈立新"]),
    ],
)
def test_label_studios_directions_are_kept(direction: str, expected: list[str], tmp_path: Path) -> None:
    relation = {"type": "relation", "from_id": "a", "to_id": "b", "direction": direction, "labels": ["创办"]}
    (example,) = read_file(label_studio(tmp_path / "a.json", relation), fails)
    assert paths(example.gold) == expected


@pytest.mark.parametrize(
    ("relation", "said"),
    [
        ({"from_id": "a", "to_id": "z"}, "a relation leads to 'z', which is not a label here"),
        (
            {"from_id": "a", "to_id": "b", "direction": "up"},
            "a relation has the direction 'up' (known: right, left, bi)",
        ),
        ({"from_id": "a", "to_id": ["b"]}, "a relation from 'a' to ['b'], which are not ids"),
        ({"from_id": "a", "to_id": "b", "labels": [5]}, "a relation with the type 5, which is not a name"),
        ({"from_id": "a"}, "the labels are not as this format has them: KeyError: 'to_id'"),
    ],
)
def test_a_relation_that_is_not_one_is_named_and_the_gold_is_not_known(
    relation: dict[str, Any], said: str, tmp_path: Path
) -> None:
    told: list[str] = []
    file = label_studio(tmp_path / "a.json", {"type": "relation", **relation})
    (example,) = read_file(file, lambda _, said: told.append(said))
    assert example.gold is None
    assert said in told[0]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("R1\t创办人 Arg1:T1 Arg2:T9", "a relation '创办人' leads to 'T9', which is not a label here"),
        ("R1\t创办人 T1 T2", "a.ann 'R1\\t创办人 T1 T2' is not a relation"),
        ("E1\t公司:T1 人:E2", "a.ann E1 has the event E2 as an argument"),
        ("E1\t公司", "a.ann 'E1\\t公司' is not an event"),
        ("T1\t公司 5 8\t陈立新", "a.ann has the name 'T1' twice"),
        ("T3\t公司 0 2;5 8\t远山 陈立新", "a.ann T3 is not one continuous span"),
        ("X1\t什么", "a.ann holds 'X1\\t什么', which is not an annotation"),
        ("T9\t公司 九 十\t远山", "is not a text-bound annotation"),
    ],
)
def test_a_line_of_brats_that_cannot_be_a_label_is_named_and_the_gold_is_not_known(
    row: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text(TEXT, encoding="utf-8")
    (tmp_path / "a.ann").write_text(f"T1\t公司 0 4\t远山科技\nT2\t人物 5 8\t陈立新\n{row}\n", encoding="utf-8")
    told: list[str] = []
    (example,) = read_file(tmp_path, lambda _, said: told.append(said), schema={"公司": None})
    assert example.gold is None
    assert said in told[0]


def test_an_entity_without_a_relation_where_others_have_some_is_known_to_have_none(tmp_path: Path) -> None:
    lines = [
        {
            "text": TEXT,
            "entities": [
                {"id": 1, "label": "公司", "start_offset": 0, "end_offset": 4},
                {"id": 2, "label": "人物", "start_offset": 5, "end_offset": 8},
            ],
            "relations": [{"from_id": 1, "to_id": 2, "type": "创办人"}],
        },
        {"text": "海川物流", "entities": [{"id": 1, "label": "公司", "start_offset": 0, "end_offset": 4}]},
    ]
    file = tmp_path / "a.jsonl"
    file.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in lines), encoding="utf-8")
    told: list[str] = []
    examples = list(read_file(file, lambda _, said: told.append(said)))
    assert examples[1].gold == []
    assert told == [
        "公司 stands alone here, and elsewhere in the file it has types below it: no chain of the schema ends at it, "
        "and it is left out"
    ]


@st.composite
def related(draw: st.DrawFn) -> Document:
    """A text with labels and pairs, no label being both alone and the first of a pair."""
    text = draw(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20))
    types = st.sampled_from(["公司", "人物", "价格"])

    def link() -> Any:
        start = draw(st.integers(0, len(text) - 1))
        return item(text, draw(types), start, draw(st.integers(start + 1, len(text))))

    chains: Chains = []
    for _ in range(draw(st.integers(0, 4))):
        chain = [link() for _ in range(draw(st.integers(1, 2)))]
        if chain not in chains:
            chains.append(chain)
    subjects = [chain[0] for chain in chains if len(chain) > 1]
    return Document("1", text, [chain for chain in chains if len(chain) > 1 or chain[0] not in subjects], 1)


@pytest.mark.parametrize("name", HOLD_RELATIONS)
@given(document=related())
def test_labels_and_pairs_come_back(name: str, document: Document, tmp_path_factory: pytest.TempPathFactory) -> None:
    format_ = find_formats()[name]
    assert isinstance(format_, WritableFormat)
    path = tmp_path_factory.mktemp("round") / "file"
    format_.write([document], path, fails)
    (back,) = format_.read(path, fails)
    assert sorted(map(str, back.chains or [])) == sorted(map(str, document.chains or []))
    assert (back.text, back.complete) == (document.text, True)


@pytest.mark.parametrize("name", HOLD_RELATIONS)
def test_what_relations_cannot_hold_is_named(name: str, tmp_path: Path) -> None:
    first, second, third = item(TEXT, "公司", 0, 4), item(TEXT, "人物", 5, 8), item(TEXT, "地点", 14, 16)
    format_ = find_formats()[name]
    assert isinstance(format_, WritableFormat)
    told: list[str] = []
    chains = [[first, second, third], [first, second], [first], [item(TEXT, "_", 5, 8)]]
    format_.write([Document("1", TEXT, chains, 1)], tmp_path / "a", lambda _, said: told.append(said))
    assert told == [
        "the chain 公司 '远山科技' > 人物 '陈立新' > 地点 '苏州' has 3 links, and this format holds one or two",
        "the chain 公司 '远山科技' is also the beginning of another, which this format cannot tell",
        "the type of _ '陈立新' stands for the end of a relation in this format",
    ]
    (back,) = format_.read(tmp_path / "a", fails)
    assert back.chains == [[first, second]]


def test_a_text_that_nobody_labelled_is_not_written_as_tags_that_say_none(tmp_path: Path) -> None:
    conll = find_formats()["conll"]
    assert isinstance(conll, WritableFormat)
    told: list[str] = []
    texts = [Document("1", TEXT, [], 1), Document("2", TEXT, None, 2)]
    conll.write(texts, tmp_path / "a.conll", lambda line, said: told.append(f"{line}: {said}"))
    assert told == ["2: the labels of the text '2' are not known, and O would say none"]
    assert [one.chains for one in conll.read(tmp_path / "a.conll", fails)] == [[]]


@pytest.mark.parametrize("name", ["brat", "cluener", "doccano", "label_studio", "native"])
def test_a_text_that_nobody_labelled_is_written_as_such(name: str, tmp_path: Path) -> None:
    format_ = find_formats()[name]
    assert isinstance(format_, WritableFormat)
    labelled = Document("1", TEXT, [[item(TEXT, "公司", 0, 4)]], 1, {"公司": None})
    texts = [
        labelled,
        Document("2", "无标签", [], 2, {"公司": None}),
        Document("3", "没人看过", None, 3, {"公司": None}),
    ]
    format_.write(texts, tmp_path / "a", fails)
    assert [one.chains for one in format_.read(tmp_path / "a", fails)] == [labelled.chains, [], None]
