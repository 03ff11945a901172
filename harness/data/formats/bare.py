"""JSON lines of texts alone, like the test split of a published dataset."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.data.formats import lines
from harness.data.formats.document import Document, Problem

NAME = "bare"
DESCRIPTION = 'JSON lines {"id", "text"}, unlabelled and without a schema'
# Under these keys other formats have their labels; a line of a file that has labels may lack them.
_OTHERS = ("schema", "gold", "label", "labels", "entities", "spo_list", "event_list")


def recognise(_: Path, sample: str) -> bool:
    """By ``text``, and no line having labels or a schema."""
    return "text" in lines.first(sample) and not any(lines.first(sample, key) for key in _OTHERS)


def read(path: Path, problem: Problem) -> Iterator[Document]:
    """Keys other than ``id`` and ``text`` are passed over."""
    return lines.documents(path, problem, _document)


def _document(found: dict[str, Any], line: int, _: Problem) -> Document:
    return Document(lines.named(found, line), found["text"], None, line)
