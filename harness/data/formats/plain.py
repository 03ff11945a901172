"""Plain text: a text a line, without labels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness.data.formats.document import Document, Problem

NAME = "plain"
DESCRIPTION = "a .txt file of a text a line, unlabelled: speed and parity are measured, F1 is not"


def recognise(path: Path, _: str) -> bool:
    """By its name, where no annotations lie beside it."""
    return path.suffix == ".txt" and path.is_file() and not path.with_suffix(".ann").exists()


def read(path: Path, problem: Problem) -> Iterator[Document]:
    """Empty lines are passed over."""
    with path.open(encoding="utf-8-sig", errors="surrogateescape") as lines:
        for number, line in enumerate(lines, 1):
            text = line.rstrip("\r\n")
            try:
                text.encode()
            except UnicodeEncodeError:
                problem(number, "holds bytes that are no UTF-8")
                continue
            if text.strip():
                yield Document(str(number), text, None, number)
