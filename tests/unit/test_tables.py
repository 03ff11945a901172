"""Tables: what is between the fields, what a quote is, which column holds the texts, and rows that do not fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.data.formats import parquet, table
from harness.data.formats.find import format_of
from harness.errors import InputError

SAMPLES = Path(__file__).parents[1] / "data"


def read(path: Path) -> tuple[list[tuple[str, str]], list[str]]:
    """Ids and texts, and what is told."""
    told: list[str] = []
    found = list(table.read(path, lambda line, said: told.append(f"{line}: {said}")))
    assert all(one.chains is None for one in found)
    return [(one.id, one.text) for one in found], told


def written(tmp_path: Path, content: str, name: str = "a.csv") -> tuple[list[tuple[str, str]], list[str]]:
    file = tmp_path / name
    file.write_bytes(content.encode())
    return read(file)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("table_mark.csv", [("1", "新机售价4999元")]),
        ("table_names_in_capitals.csv", [("1", "新机")]),
        ("table_semicolon.csv", [("1", "新机发布")]),
        (
            "table_open_quote.tsv",
            [
                ("1", "第一条，售价4999元"),
                ("2", '"旗舰机发布，售价3999元'),
                ("3", "第三条，售价2999元"),
                ("4", '第四条说"很好"，售价1999元'),
                ("5", "第五条，售价999元"),
            ],
        ),
    ],
)
def test_a_table_is_read_as_it_was_written(name: str, expected: list[tuple[str, str]]) -> None:
    assert read(SAMPLES / name) == (expected, [])


def test_a_row_with_more_fields_than_the_header_is_left_out_and_told_how_to_mend() -> None:
    found, told = read(SAMPLES / "table_comma_unquoted.csv")
    assert found == [("2", "新机发布,售价3999元")]
    assert told == [
        "2: the row '1,新机发布,售价4999元' has 3 fields, and the header 2; put a field that holds ',' between quotes"
    ]


@pytest.mark.parametrize(
    ("content", "name", "expected"),
    [
        pytest.param("id|text\n1|新机,发布\n", "a.csv", [("1", "新机,发布")], id="bars"),
        pytest.param("id\ttext\n1\t新机,发布\n", "a.csv", [("1", "新机,发布")], id="tabs in a .csv"),
        pytest.param("sep=;\nid;text\n1;新机,发布\n", "a.csv", [("1", "新机,发布")], id="Excel's first line"),
        pytest.param('"ID"," 文本 "\n1,新机\n', "a.CSV", [("1", "新机")], id="names"),
        pytest.param('text\n"新机\n\n发布"\n\n售价\n', "a.csv", [("2", "新机\n\n发布"), ("6", "售价")], id="lines"),
        pytest.param('id,text\n1,"他说""好"""\n', "a.csv", [("1", '他说"好"')], id="doubled quotes"),
        pytest.param('id\ttext\n1\t"他说""好"""\n', "a.tsv", [("1", '他说"好"')], id="quotes as Excel writes them"),
        pytest.param('id\ttext\n1\t"一\n二"\n', "a.tsv", [("1", "一\n二")], id="a line end in a .tsv"),
        pytest.param(
            'id\ttext\n1\t"一\n2\t屏幕6.7"\n', "a.tsv", [("1", '"一'), ("2", '屏幕6.7"')], id="two lone quotes"
        ),
        pytest.param('id\ttext\n1\t"好"极了\n', "a.tsv", [("1", '"好"极了')], id="a quote that closes early"),
        pytest.param(
            "id,text\n1,一\u2028二\x85三\x0b四\x0c五\x1c六\n",
            "a.csv",
            [("1", "一\u2028二\x85三\x0b四\x0c五\x1c六")],
            id="U+2028",
        ),
        pytest.param("id,text\r\n1,新机\r\n", "a.csv", [("1", "新机")], id="CR LF"),
        pytest.param('id,text\n1,"' + "长" * 200_000 + '"\n', "a.csv", [("1", "长" * 200_000)], id="a long field"),
        pytest.param("text,content\n一,二\n", "a.csv", [("2", "一")], id="the first of two columns of texts"),
    ],
)
def test_fields_are_told_apart_as_the_file_has_it(
    tmp_path: Path, content: str, name: str, expected: list[tuple[str, str]]
) -> None:
    assert written(tmp_path, content, name) == (expected, [])


@pytest.mark.parametrize(
    ("content", "expected", "said"),
    [
        ("id,text\n1\n2,新机\n", [("2", "新机")], "2: the row '1' has 1 fields, and the header 2; fill in the others"),
        ('id,text\n1,"一\n2,二\n', [("1", '"一'), ("2", "二")], "2: a quote opens a field and does not close it"),
        ('id,text\n1,"一"二\n2,二\n', [("1", '"一"二'), ("2", "二")], "2: a quote opens a field and does not close it"),
        ('id,text\n1,"一\n二"\n2,\n', [("1", "一\n二")], "4: the column of texts is empty"),
        ("id,text\n1,一\x00\n2,二\n", [("2", "二")], "2: the text holds a NUL character"),
    ],
)
def test_a_row_that_does_not_fit_is_told_with_the_line_that_it_begins_on(
    tmp_path: Path, content: str, expected: list[tuple[str, str]], said: str
) -> None:
    found, (told,) = written(tmp_path, content)
    assert found == expected
    assert told.startswith(said)


def test_a_line_that_is_not_utf8_costs_itself_alone(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes("id,text\n1,新机\n2,".encode() + b"\xff\xfe" + "\n3,旧机\n".encode())
    assert read(file) == ([("1", "新机"), ("3", "旧机")], ["3: holds bytes that are not UTF-8"])


def test_ten_thousand_lone_quotes_are_read_in_little_time(tmp_path: Path) -> None:
    found, told = written(tmp_path, "id,text\n" + "".join(f'{n},"旧机\n' for n in range(10_000)))
    assert (len(found), len(told)) == (10_000, 10_000)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("text,Text\n一,二\n", "has 2 columns called 'text'; rename all but one"),
        ("id,ID,text\n1,1,一\n", "has 2 columns called 'id'"),
        ("a,b\n1,2\n", "has no column text or 文本 or content or sentence but a, b; rename one"),
        ("", "has no column text"),
    ],
)
def test_a_header_that_does_not_say_where_the_texts_are_is_refused(tmp_path: Path, content: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        written(tmp_path, content)


def test_what_is_not_a_parquet_file_is_one_message() -> None:
    with pytest.raises(
        InputError, match=r"not_a\.parquet(: Parquet files need| is not a Parquet file that can be read)"
    ):
        read(SAMPLES / "not_a.parquet")


def test_a_file_that_is_not_text_is_told_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1\xff\xfe\x00\xb0")
    assert format_of(tmp_path / "a.parquet").NAME == "table"
    (tmp_path / "a.dat").write_bytes(b"PAR1\xff\xfe\x00\xb0")
    with pytest.raises(InputError, match="not UTF-8"):
        format_of(tmp_path / "a.dat")


def test_rows_of_a_parquet_file_are_held_to_the_same_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pyarrow, which few have: what it would give."""
    given: list[list[Any]] = [[1, "一"], [None, "二"], [1.0, "三"], [float("nan"), "四"], ["e", None], [b"f", "五"]]
    monkeypatch.setattr(parquet, "names", lambda _: ["ID", "Text"])
    monkeypatch.setattr(parquet, "rows", lambda _, __: enumerate(given, 1))
    found, told = read(tmp_path / "a.parquet")
    assert found == [("1", "一"), ("2", "二")]
    assert [said.split(" must")[0] for said in told] == [
        "3: the id 1.0",
        "4: the id nan",
        "5: the column of texts is empty",
        "6: the id b'f'",
    ]


def test_a_parquet_file_of_other_columns_than_strings_is_refused(tmp_path: Path) -> None:
    arrow, files = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    for name, values in (("int64", [1]), ("list", [["一"]])):
        files.write_table(arrow.table({"text": values}), tmp_path / f"{name}.parquet")
        with pytest.raises(InputError, match=f"the column 'text' holds {name}.*; texts are strings"):
            read(tmp_path / f"{name}.parquet")
    files.write_table(arrow.table({"ID": [7, 8], "Text": ["一", "二"]}), tmp_path / "good.parquet")
    assert read(tmp_path / "good.parquet") == ([("7", "一"), ("8", "二")], [])
    whole = (tmp_path / "good.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="is not a Parquet file that can be read"):
        read(tmp_path / "cut.parquet")
