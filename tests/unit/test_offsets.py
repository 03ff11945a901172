"""Offsets are held against the text that a label says it covers, and read as the tool counted them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.data.dataset import Example
from harness.data.files import read_file
from harness.data.formats.told import Remark

SAMPLES = Path(__file__).parents[1] / "data"
TEXT = "📱新机Aurora 5在北京首发，售价4999元"
WORDS = [("Aurora 5", "产品"), ("4999元", "价格")]


def read(path: Path, **options: Any) -> tuple[list[Example], list[str], list[str]]:
    """The examples, the faults and the remarks."""
    faults: list[str] = []
    remarks: list[str] = []
    examples = list(
        read_file(path, lambda _, said: (remarks if isinstance(said, Remark) else faults).append(said), **options)
    )
    return examples, faults, remarks


def spans(example: Example) -> list[str] | None:
    return None if example.gold is None else [link["span"] for chain in example.gold for link in chain]


def utf16(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def utf8(text: str) -> int:
    return len(text.encode())


def crlf_as_one(text: str) -> int:
    return len(text.replace("\r\n", "\n"))


def lf_as_two(text: str) -> int:
    return len(text.replace("\n", "\r\n"))


def after_blanks(text: str) -> int:
    return len(text.lstrip())


def after_mark(text: str) -> int:
    return len(text) + 1


def in_normal_form(text: str) -> int:
    return len(text.replace("㎏", "kg"))


def places(text: str, words: str, count: Callable[[str], int]) -> tuple[int, int]:
    start = text.index(words)
    return count(text[:start]), count(text[: start + len(words)])


def label_studio(path: Path, texts: Sequence[tuple[str, list[tuple[int, int, str, str]]]]) -> Path:
    tasks = [
        {
            "id": number,
            "data": {"text": text},
            "annotations": [
                {
                    "result": [
                        {
                            "id": f"{number}-{start}",
                            "type": "labels",
                            "from_name": "label",
                            "to_name": "text",
                            "value": {"start": start, "end": end, "text": words, "labels": [type_]},
                        }
                        for start, end, words, type_ in labels
                    ]
                }
            ],
        }
        for number, (text, labels) in enumerate(texts, 1)
    ]
    path.write_text(json.dumps(tasks, ensure_ascii=False), encoding="utf-8")
    return path


def cluener(path: Path, texts: Sequence[tuple[str, list[tuple[int, int, str, str]]]]) -> Path:
    lines = []
    for text, labels in texts:
        by_type: dict[str, dict[str, list[list[int]]]] = {}
        for start, end, words, type_ in labels:
            by_type.setdefault(type_, {}).setdefault(words, []).append([start, end - 1])
        lines.append(json.dumps({"text": text, "label": by_type}, ensure_ascii=False))
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def brat(path: Path, texts: Sequence[tuple[str, list[tuple[int, int, str, str]]]]) -> Path:
    path.mkdir()
    for number, (text, labels) in enumerate(texts, 1):
        (path / f"{number}.txt").write_bytes(text.encode())
        rows = [
            f"T{place}\t{type_} {start} {end}\t{words}\n" for place, (start, end, words, type_) in enumerate(labels)
        ]
        (path / f"{number}.ann").write_text("".join(rows), encoding="utf-8")
    return path


def doccano(path: Path, texts: Sequence[tuple[str, list[tuple[int, int, str, str]]]]) -> Path:
    lines = [
        json.dumps(
            {"text": text, "label": [[start, end, type_] for start, end, _, type_ in labels]}, ensure_ascii=False
        )
        for text, labels in texts
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


WRITERS = {"label_studio": (label_studio, "a.json"), "cluener": (cluener, "a.json"), "brat": (brat, "a")}
COUNTED: dict[str, tuple[str, Callable[[str], int], str]] = {
    "UTF-16 code units": (TEXT, utf16, "UTF-16 code units"),
    "bytes": ("新机Aurora 5在北京首发，售价4999元", utf8, "UTF-8 bytes"),
    "bytes after an emoji": (TEXT, utf8, "UTF-8 bytes"),
    "CR LF as one": ("第一行\r\n新机Aurora 5\r\n售价4999元", crlf_as_one, "CR LF as one character"),
    "LF as two": ("第一行\n新机Aurora 5\n售价4999元", lf_as_two, "each line end as CR LF"),
    "blanks before the text": ("  \u3000新机Aurora 5售价4999元", after_blanks, "without the blanks before the text"),
    "normal form": ("重2㎏的新机Aurora 5售价4999元", in_normal_form, "normal form (NFKC)"),
}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("counted", COUNTED)
def test_offsets_that_a_tool_counts_otherwise_are_read_as_it_counts_them(
    name: str, counted: str, tmp_path: Path
) -> None:
    text, count, said = COUNTED[counted]
    write, file = WRITERS[name]
    labels = [(*places(text, words, count), words, type_) for words, type_ in WORDS]
    examples, faults, remarks = read(write(tmp_path / file, [(text, labels), ("无标签", [])]), format_name=name)
    assert [spans(one) for one in examples] == [["Aurora 5", "4999元"], []]
    assert faults == []
    assert len(remarks) == 1
    assert said in remarks[0]


@pytest.mark.parametrize("name", WRITERS)
def test_offsets_in_characters_are_silent_whatever_the_text_holds(name: str, tmp_path: Path) -> None:
    write, file = WRITERS[name]
    text = f"  {TEXT}\r\n㎏\n完"
    labels = [(*places(text, words, len), words, type_) for words, type_ in WORDS]
    examples, faults, remarks = read(write(tmp_path / file, [(text, labels)]), format_name=name)
    assert (spans(examples[0]), faults, remarks) == (["Aurora 5", "4999元"], [], [])


@pytest.mark.parametrize("name", WRITERS)
def test_ends_of_the_other_convention_are_told_by_the_labels_text(name: str, tmp_path: Path) -> None:
    write, file = WRITERS[name]
    shift = 1 if name == "cluener" else -1  # cluener's ends are included, the others' are not
    labels = [(start, end + shift, words, type_) for words, type_ in WORDS for start, end in [places(TEXT, words, len)]]
    examples, faults, remarks = read(write(tmp_path / file, [(TEXT, labels)]), format_name=name)
    assert (spans(examples[0]), faults) == (["Aurora 5", "4999元"], [])
    assert len(remarks) == 1
    assert ("ends excluded" if name == "cluener" else "ends included") in remarks[0]


def test_a_shift_that_nothing_explains_is_believed_of_a_file_and_not_of_a_slip(tmp_path: Path) -> None:
    text = "售价4999元，续航一般"
    words = [("4999元", "价格"), ("续航", "属性"), ("一般", "评价")]
    shifted = [(*places(text, one, after_mark), one, type_) for one, type_ in words]
    examples, faults, remarks = read(label_studio(tmp_path / "a.json", [(text, shifted)]))
    assert (spans(examples[0]), faults, len(remarks)) == (["4999元", "续航", "一般"], [], 1)
    examples, faults, _ = read(label_studio(tmp_path / "b.json", [(text, shifted[:1])]), schema={"价格": None})
    assert examples[0].gold is None
    assert faults == ["价格 '4999元' does not stand at 3 to 8 in the text, but at 2 to 7"]


def test_label_studios_sample_with_an_emoji_is_read_in_utf16_and_the_text_without_one_as_it_is() -> None:
    examples, faults, remarks = read(SAMPLES / "label_studio_emoji.json")
    assert [spans(one) for one in examples] == [["Aurora 5", "4999元"], ["Aurora 6", "3999元"]]
    assert (faults, remarks) == ([], ["the offsets are read as UTF-16 code units: the labels fit so"])


def test_people_and_programs_label_the_same_project_and_each_text_is_read_as_it_fits(tmp_path: Path) -> None:
    by_person = [(*places(TEXT, words, utf16), words, type_) for words, type_ in WORDS]
    by_program = [(*places(TEXT, words, len), words, type_) for words, type_ in WORDS]
    examples, faults, _ = read(label_studio(tmp_path / "a.json", [(TEXT, by_person), (TEXT, by_program)]))
    assert [spans(one) for one in examples] == [["Aurora 5", "4999元"]] * 2
    assert faults == []


def test_labels_that_fit_two_ways_are_not_guessed_where_the_file_shows_both(tmp_path: Path) -> None:
    by_person = [(*places(TEXT, words, utf16), words, type_) for words, type_ in WORDS]
    by_program = [(*places(TEXT, words, len), words, type_) for words, type_ in WORDS]
    either = ("📱好好好", [(2, 3, "好", "评价")])
    examples, faults, _ = read(label_studio(tmp_path / "a.json", [(TEXT, by_person), (TEXT, by_program), either]))
    assert examples[2].gold is None
    (said,) = faults
    assert "fit in characters and in UTF-16 code units, at different places" in said
    examples, faults, _ = read(label_studio(tmp_path / "b.json", [(TEXT, by_person), either]))
    assert [link["offset"] for chain in examples[1].gold or [] for link in chain] == [[1, 2]]
    examples, faults, _ = read(label_studio(tmp_path / "c.json", [(TEXT, by_program), either]))
    assert [link["offset"] for chain in examples[1].gold or [] for link in chain] == [[2, 3]]
    assert faults == []


def test_doccano_is_read_in_utf16_where_a_label_ends_beyond_the_text(tmp_path: Path) -> None:
    inside = ("📱新机Aurora 5首发", [(4, 12, "Aurora 5", "产品")])
    at_the_end = ("🎉新机Aurora 6", [(4, 12, "Aurora 6", "产品")])
    examples, faults, remarks = read(
        doccano(tmp_path / "a.jsonl", [inside, at_the_end, ("新机Aurora 7", [(2, 10, "", "产品")])])
    )
    assert [spans(one) for one in examples] == [["Aurora 5"], ["Aurora 6"], ["Aurora 7"]]
    assert (faults, remarks) == (
        [],
        ["the offsets are read as UTF-16 code units: the labels fit so; the same holds for 1 more"],
    )


def test_doccano_is_read_in_characters_where_a_label_would_cut_an_emoji(tmp_path: Path) -> None:
    cut = ("📱📱新机", [(1, 4, "", "产品")])
    other = ("📱新机Aurora 5首发", [(3, 11, "Aurora 5", "产品")])
    examples, faults, remarks = read(doccano(tmp_path / "a.jsonl", [cut, other]))
    assert [spans(one) for one in examples] == [["📱新机"], ["Aurora 5"]]
    assert (faults, remarks) == ([], [])


def test_doccano_that_shows_neither_is_read_as_doccano_counts_and_that_is_said_once(tmp_path: Path) -> None:
    texts = [("📱新机Aurora 5首发", [(4, 12, "Aurora 5", "产品")])] * 3
    examples, faults, remarks = read(doccano(tmp_path / "a.jsonl", texts))
    assert [spans(one) for one in examples] == [["Aurora 5"]] * 3
    assert faults == []
    assert remarks == [
        "the labels fit in characters and in UTF-16 code units, and nothing in the file shows which is meant; read as "
        "UTF-16 code units; the same holds for 2 more"
    ]


def test_bytes_are_believed_of_labels_without_text_only_where_there_are_some(tmp_path: Path) -> None:
    text = "新机发布，售价四千元"
    labels = [(*places(text, words, utf8), words, "词") for words in ("新机", "发布", "售价", "四千元")]
    examples, faults, remarks = read(doccano(tmp_path / "a.jsonl", [(text, labels)]))
    assert (spans(examples[0]), faults) == (["新机", "发布", "售价", "四千元"], [])
    assert remarks == ["the offsets are read as UTF-8 bytes: the labels fit so"]
    examples, faults, _ = read(doccano(tmp_path / "b.jsonl", [(text, [labels[-1], (0, 2, "", "词")])]))
    assert examples[0].gold is None
    assert faults == ["词 at 21 to 30 lies outside the text of 10 characters"]


@pytest.mark.parametrize(("start", "remarked"), [(0, 0), (1, 1)])
def test_a_byte_order_mark_before_brats_text_is_counted_or_not(start: int, remarked: int, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("\ufeff小王在沪".encode())
    (tmp_path / "a.ann").write_text(f"T1\tPER {start} {start + 2}\t小王\n", encoding="utf-8")
    (tmp_path / "b.txt").write_bytes("老李在京".encode())
    (tmp_path / "b.ann").write_text("T1\tPER 0 2\t老李\n", encoding="utf-8")
    examples, faults, remarks = read(tmp_path)
    assert [(one.text, spans(one)) for one in examples] == [("小王在沪", ["小王"]), ("老李在京", ["老李"])]
    assert (faults, len(remarks)) == ([], remarked)


def test_the_sample_with_a_byte_order_mark_is_read() -> None:
    examples, faults, remarks = read(SAMPLES / "brat_byte_order_mark")
    assert ([spans(one) for one in examples], faults, remarks) == ([["小王"]], [], [])


@pytest.mark.parametrize(
    ("text", "offsets", "surface", "span"),
    [
        ("售价４９９９元", (2, 7), "4999元", "４９９９元"),  # full-width digits, which the tool wrote half-width
        ("售价 4999元 起", (2, 9), "4999元", "4999元"),  # the tool left blanks out of the text, and not of the offsets
        ("售价4999元", (2, 7), " 4999元", "4999元"),
        ("售价4999\n元", (2, 8), "4999\\n元", "4999\n元"),  # as Label Studio once wrote line ends
        ("售价4999\r\n元", (2, 9), "4999\n元", "4999\r\n元"),
    ],
)
def test_a_labels_text_that_differs_in_form_alone_fits_and_is_said(
    text: str, offsets: tuple[int, int], surface: str, span: str, tmp_path: Path
) -> None:
    examples, faults, remarks = read(label_studio(tmp_path / "a.json", [(text, [(*offsets, surface, "价格")])]))
    assert (spans(examples[0]), faults) == ([span], [])
    assert remarks == ["a label's own text differs from the text in blanks or in the form of its characters"]
