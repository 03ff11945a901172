"""A schema on the command line."""

from __future__ import annotations

from pathlib import Path

from harness.errors import InputError
from harness.textfile import read_text


def read_schema(written: str) -> str:
    """The schema's JSON text, from the argument itself or the file it names.

    Raises:
        InputError: the file cannot be read.
    """
    if written.lstrip().startswith(("{", "[", '"')):
        return written
    path = Path(written)
    try:
        return read_text(path) if path.is_file() else written
    except (OSError, ValueError) as error:  # a ValueError: a NUL cannot be in a path
        raise InputError(f"schema file {written!r} cannot be read: {error}") from None
