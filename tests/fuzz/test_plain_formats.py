"""Broken files of the plain and the published formats: named faults, no tracebacks, nothing that cannot be printed."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.data.check import check
from harness.data.formats.find import find_formats
from harness.data.texts import read_texts
from harness.errors import UiebenchError

SAMPLES = Path(__file__).parents[1] / "data"
SCHEMA = {"价格": None}
FILES = 150 * int(os.environ.get("UIEBENCH_FUZZ", "1"))  # broken files of each format
FORMATS = {
    "conll": ("conll*", "gbk.conll"),
    "table": ("table*", "*.csv", "not_a.parquet"),
    "duie": ("duie*",),
    "duee": ("duee*",),
    "native": ("native*",),
    "plain": ("gbk.txt", "conll*.txt"),
    "bare": ("duie_test_split.jsonl",),
}
ODD: tuple[Any, ...] = (
    *(None, True, 0, -1, 1.5, 10**30, float("nan"), float("inf"), "", "\ud800", "\x00", "\u2028", "价格", "O"),
    *([], {}, [[]], [None], {"": None}, {"@value": []}, {"价格": {"价格": {}}}, "a" * 5000),
)
PIECES = (
    *(b"\x00", b"\xff", b"\xef\xbb\xbf", b'"', b"\t", b",", b";", b"\r", b"\n\n", b" ", b"#", b"-DOCSTART-", b"{"),
    b"[" * 3000,
)
ENCODINGS = ("gb18030", "utf-16", "utf-16-le", "utf-32", "utf-8-sig", "big5")


def odd_value(chance: random.Random, value: Any) -> Any:
    """The value with one of its parts taken away, doubled, nested or put in place of something else."""
    if not isinstance(value, dict | list) or not value or chance.random() < 0.2:
        return chance.choice(ODD)
    key = chance.choice(list(value) if isinstance(value, dict) else range(len(value)))
    what = chance.random()
    if what < 0.1:
        return [value]
    changed = value.copy()
    if what < 0.2:
        del changed[key]
    elif what < 0.3 and isinstance(changed, list):
        changed += changed
    else:
        changed[key] = odd_value(chance, value[key])
    return changed


def odd_line(chance: random.Random, data: bytes) -> bytes:
    """One of the JSON lines changed."""
    lines = data.decode("utf-8", "replace").split("\n")
    place = chance.randrange(len(lines))
    try:
        lines[place] = json.dumps(odd_value(chance, json.loads(lines[place])), ensure_ascii=chance.random() < 0.5)
    except (ValueError, RecursionError):
        lines[place] *= 2
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def odd_bytes(chance: random.Random, data: bytes) -> bytes:
    """Something put in, taken away or cut off."""
    at = chance.randrange(len(data) + 1)
    kept = chance.choice((at, min(at + chance.randrange(9), len(data)), len(data)))
    return data[:at] + chance.choice((b"", *PIECES)) + data[kept:]


def odd_encoding(chance: random.Random, data: bytes) -> bytes:
    """The whole text in another encoding."""
    return data.decode("utf-8", "replace").encode(chance.choice(ENCODINGS), "replace")


Break = Callable[[random.Random, bytes], bytes]
BREAKS: tuple[Break, ...] = (odd_line, odd_line, odd_line, odd_bytes, odd_bytes, odd_encoding)


def reads_or_refuses(read: Callable[[Callable[[str], None]], object]) -> None:
    """It ends, or with an error that is shown as one message; all that is told can be printed."""
    told: list[str] = []
    try:
        read(told.append)
    except UiebenchError as error:
        told.append(str(error))
    for said in told:
        said.encode()


@pytest.mark.parametrize("name", FORMATS)
def test_a_broken_file_is_read_or_refused_in_words(name: str, tmp_path: Path) -> None:
    assert name in find_formats()
    samples = sorted({path for pattern in FORMATS[name] for path in SAMPLES.glob(pattern) if path.is_file()})
    assert samples
    chance = random.Random(name)
    for number in range(FILES):
        sample = chance.choice(samples)
        data = sample.read_bytes()
        for _ in range(chance.randrange(1, 4)):
            data = chance.choice(BREAKS)(chance, data)
        file = tmp_path / f"{number}{sample.suffix}"
        file.write_bytes(data)
        format_name, schema = chance.choice((None, name)), chance.choice((None, SCHEMA))
        try:
            reads_or_refuses(lambda tell: check(file, lambda _, said: tell(said), format_name, schema))  # noqa: B023
            reads_or_refuses(lambda tell: list(read_texts(str(file), tell, format_name=format_name, schema=schema)))  # noqa: B023
        except Exception as error:
            pytest.fail(f"file {number} of {name}, {data[:300]!r}, as {format_name}, schema {schema}: {error!r}")
        file.unlink()
