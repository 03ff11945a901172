"""Reads a whole file of texts and counts what it contains."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.data.files import read_file
from harness.data.formats.document import Problem
from harness.data.formats.find import format_of
from harness.data.formats.native import NAME as NATIVE
from harness.data.formats.told import Remark
from harness.data.schemas import unused


@dataclass
class Contents:
    """Counts over a file; takes 4 bytes per text."""

    format: str
    lengths: array[int] = field(default_factory=lambda: array("I"))  # of each text, in characters
    annotated: int = 0  # texts whose gold is known
    without_label: int = 0  # those of them without any label
    types: Counter[str] = field(default_factory=Counter)  # chains by type path, written parent/child
    schema: Any = None  # of the last text
    problems: int = 0

    def lengths_at(self, *shares: float) -> list[int]:
        """Percentiles of the text lengths (nearest rank)."""
        ordered = sorted(self.lengths)
        return [ordered[max(0, -(-len(ordered) * round(share * 100) // 100) - 1)] for share in shares]


def check(path: Path, problem: Problem, format_name: str | None = None, schema: Any = None) -> Contents:
    """Read a whole file and count.

    Args:
        path: the file, or a brat folder.
        problem: called with each error and its line, and with each remark, which does not count as an error.
        format_name: None to guess it.
        schema: for files without one.

    Raises:
        InputError: the format is not clear, or the schema would not be used.
    """
    found = Contents(format_of(path, format_name).NAME)
    if schema is not None and found.format == NATIVE:
        raise unused(str(path))

    def count(line: int, said: str) -> None:
        found.problems += not isinstance(said, Remark)
        problem(line, said)

    for example in read_file(path, count, format_name, schema):
        found.lengths.append(len(example.text))
        found.schema = example.schema
        if example.gold is not None:
            found.annotated += 1
            found.without_label += not example.gold
            found.types.update("/".join(link["type"] for link in chain) for chain in example.gold)
    return found
