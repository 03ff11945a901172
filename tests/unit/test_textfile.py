from __future__ import annotations

import codecs
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import InputError
from harness.textfile import guess_encoding, read_lines, read_sample, read_text, split_lines

CHINESE = "华为新机售价4999元\n小米新机售价3999元\n"


def written(folder: Path, data: bytes) -> Path:
    path = folder / "some file.txt"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_a_mark_is_not_part_of_the_text(tmp_path: Path, mark: bytes) -> None:
    path = written(tmp_path, mark + "一\r\n\u2028\x85\n".encode())
    assert read_text(path) == "一\r\n\u2028\x85\n"
    assert read_sample(path, 100) == "一\r\n\u2028\x85\n"
    assert list(read_lines(path)) == [(1, "一"), (2, "\u2028\x85")]


@pytest.mark.parametrize(
    ("encoding", "named"),
    [
        ("gb18030", "GB18030"),
        ("gbk", "GB18030"),
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16LE"),
        ("utf-16-be", "UTF-16BE"),
        ("utf-32", "UTF-32"),
    ],
)
def test_another_encoding_is_named_with_a_command_that_converts_it(tmp_path: Path, encoding: str, named: str) -> None:
    path = written(tmp_path, CHINESE.encode(encoding))
    told: list[object] = []
    for read in (read_text, lambda one: list(read_lines(one, lambda *what: told.append(what)))):
        with pytest.raises(InputError, match=f"seems to be {named}; convert it: iconv") as refused:
            read(path)
    with pytest.raises(InputError, match=named):
        read_sample(path, 9)
    assert not told
    command = str(refused.value).rpartition("convert it: ")[2]
    subprocess.run(["sh", "-c", command], check=True)
    assert read_text(Path(f"{path}.utf8")) == CHINESE


def test_traditional_characters_are_told_from_simplified_ones() -> None:
    assert guess_encoding("繁體中文的測試，價格是三千元".encode("big5")) == "Big5"
    assert guess_encoding("繁體中文的測試，價格是三千元".encode("gb18030")) == "GB18030"
    assert guess_encoding("café".encode("latin-1")) is None


def test_a_spoilt_line_is_left_out_alone_and_told(tmp_path: Path) -> None:
    path = written(tmp_path, "一\n二\n".encode() + b"\xff\n" + "三".encode())
    told: list[tuple[int, str]] = []
    assert list(read_lines(path, lambda line, what: told.append((line, what)))) == [(1, "一"), (2, "二"), (4, "三")]
    assert told == [(3, "holds bytes that are not UTF-8")]
    for read in (read_text, lambda one: list(read_lines(one))):
        with pytest.raises(InputError, match="line 3: holds bytes that are not UTF-8"):
            read(path)
    assert read_sample(path, 100) == "一\n二\n\ufffd\n三"


def test_a_sample_ends_before_a_character_that_is_cut(tmp_path: Path) -> None:
    assert read_sample(written(tmp_path, "一二".encode()), 5) == "一"


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"))))
def test_lines_come_back_as_they_were_joined(lines: list[str]) -> None:
    assert split_lines("".join(f"{line}\n" for line in lines)) == lines
    assert split_lines("".join(f"{line}\r\n" for line in lines)) == lines
