"""Broken files of the plain and the published formats: named faults, no tracebacks, nothing that cannot be printed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest
from fuzzing import Fuzz
from mutations import broken_file

from harness.data.check import check
from harness.data.formats.find import find_formats
from harness.data.texts import read_texts

SAMPLES = Path(__file__).parents[1] / "data"
SCHEMA = {"价格": None}
FILES = 60  # broken files of each format
FORMATS = {
    "conll": ("conll*", "gbk.conll"),
    "table": ("table*", "*.csv", "not_a.parquet"),
    "duie": ("duie*",),
    "duee": ("duee*",),
    "native": ("native*",),
    "plain": ("gbk.txt", "conll*.txt"),
    "bare": ("duie_test_split.jsonl",),
}
Tell = Callable[[str], None]
Schema = dict[str, Any] | None


@dataclass(frozen=True)
class Asked:
    """A file, and what a user says of it."""

    suffix: str
    content: bytes
    format: str | None
    schema: Schema


def checked(file: Path, tell: Tell, asked: Asked) -> object:
    return check(file, lambda _, said: tell(said), asked.format, asked.schema)


def read(file: Path, tell: Tell, asked: Asked) -> object:
    return list(read_texts(str(file), tell, format_name=asked.format, schema=asked.schema))


@pytest.mark.parametrize("reader", [checked, read])
@pytest.mark.parametrize("name", FORMATS)
def test_a_broken_file_is_read_or_refused_in_words(
    name: str, reader: Callable[[Path, Tell, Asked], object], fuzz: Fuzz, tmp_path: Path
) -> None:
    assert name in find_formats()
    samples = sorted({path for pattern in FORMATS[name] for path in SAMPLES.glob(pattern) if path.is_file()})
    assert samples

    def make(random: Random) -> Asked:
        sample = random.choice(samples)
        content = sample.read_bytes()
        for _ in range(random.randrange(1, 4)):
            content = broken_file(random, content)
        return Asked(sample.suffix, content, random.choice((None, name)), random.choice((None, SCHEMA)))

    def call(asked: Asked) -> None:
        told: list[str] = []
        file = tmp_path / f"broken{asked.suffix}"
        file.write_bytes(asked.content)
        try:
            reader(file, told.append, asked)
        finally:
            "".join(told).encode()  # a lone surrogate could not be printed

    fuzz(FILES, make, call)
