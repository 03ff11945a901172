"""Parquet files, row by row."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from harness.errors import InputError

_ROWS = 1024  # rows in memory at once
_STRINGS = ("string", "large_string", "dictionary<values=string", "dictionary<values=large_string")  # types of columns


def names(path: Path) -> list[str]:
    """The names of the columns.

    Raises:
        InputError: it cannot be read.
    """
    with _readable(path) as file:
        return list(file.schema_arrow.names)


def rows(path: Path, text: int) -> Iterator[tuple[int, list[Any]]]:
    """The rows with their numbers, from 1.

    Args:
        path: the file.
        text: the index of the column of texts.

    Raises:
        InputError: it cannot be read, or that column does not hold strings.
    """
    number = 0
    with _readable(path) as file:
        column = file.schema_arrow.field(text)
        if not str(column.type).startswith(_STRINGS):
            raise InputError(f"{path}: the column {column.name!r} holds {column.type}; texts are strings")
        for batch in file.iter_batches(batch_size=_ROWS):
            for row in zip(*(one.to_pylist() for one in batch.columns), strict=True):
                number += 1
                yield number, list(row)


@contextmanager
def _readable(path: Path) -> Iterator[Any]:
    if find_spec("pyarrow") is None:
        raise InputError(f"{path}: Parquet files need the distribution 'pyarrow' (pip install 'uiebench[parquet]')")
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path) as file:
            yield file
    except (ArrowException, OSError, UnicodeDecodeError) as error:
        said = " ".join(str(error).split())
        raise InputError(f"{path} is not a Parquet file that can be read: {said}; write it anew") from None
