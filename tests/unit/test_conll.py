"""CoNLL as it is found: which column is which, which tags begin a span, and what is not part of the text."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.data.formats import conll, plain
from harness.data.formats.document import Document, item
from harness.data.formats.find import format_of
from harness.data.formats.told import Remark

SAMPLES = Path(__file__).parents[1] / "data"


def fails(line: int, said: str) -> None:
    pytest.fail(f"line {line}: {said}")


def spans(one: Document) -> list[tuple[str, str]]:
    for chain in one.chains or []:
        for link in chain:
            assert one.text[slice(*link["offset"])] == link["span"]
    return [(link["type"], link["span"]) for chain in one.chains or [] for link in chain]


def read(tmp_path: Path, content: str) -> tuple[list[Document], list[str], list[str]]:
    """The documents, the faults and the remarks."""
    file, faults, remarks = tmp_path / "a.conll", list[str](), list[str]()
    file.write_bytes(content.encode())

    def tell(line: int, said: str) -> None:
        (remarks if isinstance(said, Remark) else faults).append(f"{line}: {said}")

    assert conll.recognise(file, content)
    return list(conll.read(file, tell)), faults, remarks


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("conll_2003_columns.txt", [("小王在沪", [("PER", "小王"), ("LOC", "沪")])]),
        ("conll_2003_tabs.conll", [("小王在沪", [("PER", "小王"), ("LOC", "沪")])]),
        (
            "conll_label_studio_export.conll",
            [("小王在北京", [("人名", "小王"), ("地名", "北京")]), ("小李来", [("人名", "小李")])],
        ),
    ],
)
def test_the_first_column_is_the_token_and_the_last_one_its_tag(
    name: str, expected: list[tuple[str, list[tuple[str, str]]]]
) -> None:
    format_ = format_of(SAMPLES / name)
    assert format_.NAME == "conll"
    assert [(one.text, spans(one)) for one in format_.read(SAMPLES / name, fails)] == expected


@pytest.mark.parametrize(
    ("content", "text", "expected"),
    [
        pytest.param("小  B-PER\n王   I-PER\n", "小王", [("PER", "小王")], id="several blanks"),
        pytest.param("小 B-PER  \r\n王 I-PER\t\r\n", "小王", [("PER", "小王")], id="blanks and CR at the end"),
        pytest.param("小\tNN\tB-PER\n王\tNN\tI-PER\n", "小王", [("PER", "小王")], id="tabs, three columns"),
        pytest.param("小\tB-PER\n \tI-PER\n王\tI-PER\n", "小 王", [("PER", "小 王")], id="a blank before a tab"),
        pytest.param("小 B-PER\n  I-PER\n王 I-PER\n", "小 王", [("PER", "小 王")], id="a blank before a blank"),
        pytest.param("小 N B-PER\n  N I-PER\n王 N I-PER\n", "小 王", [("PER", "小 王")], id="and a column between"),
        pytest.param("小\tO\n\t\tO\n王\tO\n", "小\t王", [], id="a tab as a token"),
        pytest.param("小 O\n\u3000 O\n王 O\n", "小\u3000王", [], id="an ideographic blank as a token"),
        pytest.param("小 O\n\u2028 O\n王 O\n", "小\u2028王", [], id="a token that other readers end a line at"),
        pytest.param("# text = 小王\n小 O\n# O\n王 O\n", "小#王", [], id="a comment, and a token like one"),
        pytest.param("token\tner_tag\n小\tB-PER\n王\tI-PER\n", "小王", [("PER", "小王")], id="a header"),
        pytest.param("字 标签\n小 B-PER\n王 I-PER\n", "小王", [("PER", "小王")], id="a header in Chinese"),
        pytest.param("\ufeff小 B-PER\n王 I-PER\n", "小王", [("PER", "小王")], id="a byte order mark"),
        pytest.param("小 B_PER\n王 I_PER\n", "小王", [("PER", "小王")], id="an underscore"),
        pytest.param("小 b-per\n王 i-per\n在 o\n", "小王在", [("per", "小王")], id="small letters"),
        pytest.param("小 B-P\n文 M-P\n王 E-P\n李 S-P\n", "小文王李", [("P", "小文王"), ("P", "李")], id="BMES"),
        pytest.param("小 B-P\n文 M-P\n王 E-P\n李 O\n", "小文王李", [("P", "小文王")], id="BMEO"),
        pytest.param("小 B-P\n王 L-P\n李 U-P\n", "小王李", [("P", "小王"), ("P", "李")], id="BILOU"),
        pytest.param("小 I-P\n王 I-P\n李 B-P\n在 O\n", "小王李在", [("P", "小王"), ("P", "李")], id="IOB1"),
        pytest.param("小 B-A-B\n", "小", [("A-B", "小")], id="a hyphen in a type"),
    ],
)
def test_columns_and_tags_of_every_make_are_read(
    tmp_path: Path, content: str, text: str, expected: list[tuple[str, str]]
) -> None:
    (found,), faults, remarks = read(tmp_path, content)
    assert (found.text, spans(found), faults, remarks) == (text, expected, [], [])


def test_the_place_of_a_character_in_its_word_is_not_part_of_the_text() -> None:
    told: list[str] = []
    (found,) = conll.read(SAMPLES / "conll_weibo_places.conll", lambda _, said: told.append(said))
    assert (found.text, spans(found)) == ("科技全方小王", [("PER.NAM", "小王")])
    assert told == ["each token is a character and its place in a word (like 科0, 技1); the places are left out"]


@pytest.mark.parametrize("tokens", [["科0", "技2"], ["科1", "技2"], ["科0", "技"], ["A1", "B2"]])
def test_tokens_whose_digits_are_not_places_are_left_alone(tmp_path: Path, tokens: list[str]) -> None:
    (found,), *_ = read(tmp_path, "".join(f"{token} O\n" for token in tokens) + "好 O\n")
    assert found.text.replace(" ", "") == "".join(tokens) + "好"


def test_a_digit_that_has_a_place_stays(tmp_path: Path) -> None:
    (found,), *_ = read(tmp_path, "10 O\n21 O\n元0 O\n")
    assert found.text == "12元"


def test_words_in_latin_letters_are_apart_and_said_to_be(tmp_path: Path) -> None:
    rows = "EU B-ORG\nrejects O\nGerman B-MISC\ncall O\n. O\n\n华 O\n为 O\nMate60 B-P\nPro I-P\n售 O\n6999 O\n元 O\n"
    (english, mixed), faults, remarks = read(tmp_path, rows)
    assert (english.text, spans(english)) == ("EU rejects German call.", [("ORG", "EU"), ("MISC", "German")])
    assert (mixed.text, spans(mixed)) == ("华为Mate60 Pro售6999元", [("P", "Mate60 Pro")])
    assert faults == []
    (said,) = remarks
    assert said.startswith("1: words in Latin letters are put together with a blank between them")


def test_single_letters_are_those_of_one_word(tmp_path: Path) -> None:
    (found,), _, remarks = read(tmp_path, "".join(f"{letter}\tO\n" for letter in "EU rejects"))
    assert (found.text, remarks) == ("EU rejects", [])


def test_a_span_that_did_not_begin_is_told_where_the_file_is_not_iob1(tmp_path: Path) -> None:
    (found,), faults, _ = read(tmp_path, "小 B-P\n王 I-P\n在 O\n沪 I-L\n")
    assert spans(found) == [("P", "小王"), ("L", "沪")]
    assert faults == ["4: the tag 'I-L' goes on with a span that did not begin; taken for its beginning"]


def test_a_text_with_a_tag_that_cannot_be_read_is_not_complete(tmp_path: Path) -> None:
    file, faults = tmp_path / "a.conll", list[str]()
    file.write_text("沪 B-L\n市 B\n\n沪 B-L\n在 O\n", encoding="utf-8")
    bad, good = conll.read(file, lambda line, said: faults.append(f"{line}: {said}"))
    assert (bad.complete, good.complete) == (False, True)
    assert faults == ["2: the tag 'B' is none of B-, I-, M-, E-, S-TYPE and O; taken for O"]


def test_what_a_text_without_tags_holds_is_not_known_rather_than_nothing(tmp_path: Path) -> None:
    file, told = tmp_path / "a.conll", list[str]()
    file.write_text("小\n王\n\n小 O\n王\n\n沪 O\n", encoding="utf-8")
    found = list(conll.read(file, lambda line, said: told.append(f"{line}: {said}")))
    assert [(one.text, one.chains) for one in found] == [("小王", None), ("小王", None), ("沪", [])]
    assert told == [
        "5: a line without a tag; what labels its text has is not known",
        "1: the text has no tags, so its gold is not known",
    ]


def test_columns_in_a_txt_file_are_not_taken_for_plain_text(tmp_path: Path) -> None:
    file = tmp_path / "train.txt"
    file.write_text("小王在沪 的 O\n新机售价\n", encoding="utf-8")
    assert plain.recognise(file, file.read_text(encoding="utf-8"))
    assert format_of(file).NAME == "plain"
    assert not plain.recognise(file, (SAMPLES / "conll_2003_columns.txt").read_text(encoding="utf-8"))


def test_a_tag_without_a_token_is_told(tmp_path: Path) -> None:
    (found,), faults, _ = read(tmp_path, "小\tB-人\n\tI-人\n王\tI-人\n")
    assert spans(found) == [("人", "小王")]
    assert faults == ["2: a tag without a token; if that was a blank, the text lacks it"]


@pytest.mark.parametrize(
    "text", ["\ufeff小王", " 小王", "\t小\t王", "# 小", "-DOCSTART-", "\u3000", "10 21", "a b\x85c\u2028"]
)
def test_a_text_of_odd_characters_comes_back_as_it_was(tmp_path: Path, text: str) -> None:
    chain = [item(text, "人", 0, 1)]
    conll.write([Document("1", text, [chain], 1)], tmp_path / "a.conll", fails)
    (found,) = conll.read(tmp_path / "a.conll", fails)
    assert (found.text, found.chains) == (text, [chain])


@pytest.mark.parametrize("type_", ["人\t名", " 人", "人 "])
def test_a_type_that_no_column_can_hold_is_told(tmp_path: Path, type_: str) -> None:
    told: list[str] = []
    document = Document("1", "小王", [[item("小王", type_, 0, 1)]], 1)
    conll.write([document], tmp_path / "a.conll", lambda _, said: told.append(said))
    assert told == [f"the type {type_!r} has blanks around it or a tab, which no column can hold"]
    assert (tmp_path / "a.conll").read_text(encoding="utf-8") == "小\tO\n王\tO\n\n"
