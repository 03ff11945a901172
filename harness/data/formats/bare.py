"""JSON lines of texts alone, like the test split of a published dataset."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.data.formats import lines
from harness.data.formats.document import Document, Problem

NAME = "bare"
DESCRIPTION = 'JSON lines {"id", "text"}, unlabelled and without a schema'
# Other formats' keys for labels; single lines of such files may lack them.
_OTHERS = ("schema", "gold", "label", "labels", "entities", "spo_list", "event_list")


def recognise(_: Path, sample: str) -> bool:
    """By ``text``, if no line has labels or a schema."""
    return "text" in lines.first(sample) and not any(lines.first(sample, key) for key in _OTHERS)


def read(path: Path, problem: Problem) -> Iterator[Document]:
    """Keys other than ``id`` and ``text`` are ignored."""
    return lines.documents(path, problem, _document)


def _document(found: dict[str, Any], line: int, _: Problem) -> Document:
    return Document(lines.named(found, line), found["text"], None, line)
