"""Text files: UTF-8, with or without a byte order mark, whose lines end in LF or CR LF and in nothing else."""

from __future__ import annotations

import codecs
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

from harness.errors import InputError

# The longer marks first: UTF-32's little-endian one begins with UTF-16's.
_OTHER_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
# Chinese encodings by their codecs, each with the lead bytes of its first level, which holds the characters in common
# use: text that is decoded by the wrong codec falls outside of them.
_COMMON = {"GB18030": ("gb2312", range(0xB0, 0xD8)), "Big5": ("big5", range(0xA4, 0xC7))}
_GUESSED_FROM = 1 << 16  # bytes

Spoilt = Callable[[int, str], None]  # told of each line that is not UTF-8, and what is wrong with it


def read_text(path: Path) -> str:
    """The whole text of a file, without its byte order mark.

    Raises:
        InputError: it is not UTF-8; the message guesses the encoding, and has the command to convert it.
    """
    data = path.read_bytes()
    _refuse_other_marks(data, path)
    try:
        return data.removeprefix(codecs.BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        raise _not_utf8(path, data.count(b"\n", 0, error.start) + 1) from None


def read_lines(path: Path, spoilt: Spoilt | None = None) -> Iterator[tuple[int, str]]:
    """Stream the lines of a file with their numbers (from 1), without their ends.

    Args:
        path: the file.
        spoilt: told of single lines that are not UTF-8, which are then left out; None refuses the file for one.

    Raises:
        InputError: the file is in another encoding, or a line is spoilt and nobody is told.
    """
    with path.open("rb") as file:
        for number, raw in enumerate(file, 1):
            if number == 1:
                _refuse_other_marks(raw, path)
                raw = raw.removeprefix(codecs.BOM_UTF8)
            try:
                line = raw.decode()
            except UnicodeDecodeError:
                if spoilt is None or not _mostly_utf8(path):
                    raise _not_utf8(path, number) from None
                spoilt(number, "holds bytes that are not UTF-8")
                continue
            yield number, line.removesuffix("\n").removesuffix("\r")


def read_sample(path: Path, size: int) -> str:
    """The text of the first ``size`` bytes at most; a byte that is not UTF-8 is U+FFFD, since a line may be spoilt.

    Raises:
        InputError: the file is in another encoding.
    """
    with path.open("rb") as file:
        data = file.read(size)
    _refuse_other_marks(data, path)
    decoder = codecs.getincrementaldecoder("utf-8")
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        return decoder().decode(data)  # a character that is cut off at the end is left out
    except UnicodeDecodeError as error:
        if not _mostly_utf8(path):
            raise _not_utf8(path, data.count(b"\n", 0, error.start) + 1) from None
        return decoder("replace").decode(data)


def split_lines(text: str) -> list[str]:
    """The lines of a text without their ends; unlike in ``str.splitlines``, U+2028 ends none."""
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    return lines[:-1] if lines[-1] == "" else lines


def guess_encoding(data: bytes) -> str | None:
    """The encoding of bytes that are not UTF-8, named as iconv does; None where nothing fits."""
    for mark, name in _OTHER_MARKS:
        if data.startswith(mark):
            return name
    if b"\0" in data:  # text in UTF-16 without a mark: line ends and digits have a zero byte, always on the same side
        sides = data[0::2].count(0), data[1::2].count(0)
        return ("UTF-16BE", "UTF-16LE")[sides[1] > sides[0]] if min(sides) == 0 else None
    shares = {name: _common(data, name) for name in _COMMON}
    best = max(shares, key=lambda name: shares[name])
    return best if shares[best] > 0 else None


def _common(data: bytes, name: str) -> float:
    """The share of the other than ASCII characters that are in common use, if the bytes are in this encoding."""
    codec, lead = _COMMON[name]
    try:
        text = codecs.getincrementaldecoder(name)().decode(data)
    except UnicodeDecodeError:
        return 0
    special = [character for character in text if ord(character) >= 0x80]
    return sum(character.encode(codec, "replace")[0] in lead for character in special) / max(len(special), 1)


def _mostly_utf8(path: Path) -> bool:
    """Whether of the lines that are not ASCII at least half are UTF-8: then the others are spoilt."""
    good = bad = 0
    with path.open("rb") as file:
        for raw in file:
            if not raw.isascii():
                try:
                    raw.decode()
                    good += 1
                except UnicodeDecodeError:
                    bad += 1
    return good >= bad


def _refuse_other_marks(data: bytes, path: Path) -> None:
    if any(data.startswith(mark) for mark, _ in _OTHER_MARKS):
        raise _not_utf8(path, 1)


def _not_utf8(path: Path, line: int) -> InputError:
    with path.open("rb") as file:
        found = guess_encoding(file.read(_GUESSED_FROM))
    if found is None or (found in _COMMON and _mostly_utf8(path)):
        return InputError(
            f"{path}, line {line}: holds bytes that are not UTF-8; mend the line, or save the file as UTF-8"
        )
    here, there = shlex.quote(str(path)), shlex.quote(f"{path}.utf8")
    return InputError(
        f"{path} is not UTF-8 text but seems to be {found}; convert it: iconv -f {found} -t UTF-8 {here} > {there}"
    )
