"""Tables with a column of texts: CSV and Parquet, without labels."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from harness.data.formats.document import Document, Problem
from harness.errors import InputError

NAME = "table"
DESCRIPTION = "a .csv, .tsv or .parquet file with a column 'text' (or 文本, content, sentence), unlabelled"
_COLUMNS = ("text", "文本", "content", "sentence")
_SUFFIXES = (".csv", ".tsv", ".parquet")
_ROWS = 1024  # of a Parquet file in memory at once


def recognise(path: Path, _: str) -> bool:
    """By its name."""
    return path.suffix in _SUFFIXES


def read(path: Path, problem: Problem) -> Iterator[Document]:
    """A row a document, with the column ``id`` for its id if there is one.

    Raises:
        InputError: no column holds texts, or a Parquet file cannot be read here.
    """
    for number, row in _rows(path):
        column = next((name for name in _COLUMNS if name in row), None)
        if column is None:
            raise InputError(f"{path} has no column {' or '.join(_COLUMNS)} but {', '.join(map(str, row))}; rename one")
        if isinstance(row[column], str) and row[column].strip():
            yield Document(str(row.get("id") or number), row[column], None, number)
        else:
            problem(number, f"the column {column!r} is empty")


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    if path.suffix != ".parquet":
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            reader = csv.DictReader(file, dialect="excel-tab" if path.suffix == ".tsv" else "excel")
            for row in reader:
                yield reader.line_num, row
        return
    if find_spec("pyarrow") is None:
        raise InputError(f"{path}: Parquet files need the distribution 'pyarrow' (pip install 'uiebench[parquet]')")
    from pyarrow.parquet import ParquetFile

    number = 0
    for batch in ParquetFile(path).iter_batches(batch_size=_ROWS):
        for row in batch.to_pylist():
            number += 1
            yield number, row
