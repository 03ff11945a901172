"""Plain text: one text per line, without labels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness.data.formats.conll import recognise as is_conll
from harness.data.formats.document import Document, Problem
from harness.textfile import read_lines

NAME = "plain"
DESCRIPTION = "a .txt file of a text a line, unlabelled: speed and parity are measured, F1 is not"


def recognise(path: Path, sample: str) -> bool:
    """By its name, unless annotations are beside it or each of its lines has a tag."""
    named = path.suffix.lower() == ".txt" and path.is_file() and not path.with_suffix(".ann").exists()
    return named and not is_conll(path, sample)


def read(path: Path, problem: Problem) -> Iterator[Document]:
    """Empty lines are ignored."""
    for number, text in read_lines(path, problem):
        if text.strip():
            yield Document(str(number), text, None, number)
