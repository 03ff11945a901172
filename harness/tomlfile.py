"""TOML files, read whole."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from harness.errors import InputError
from harness.textfile import read_text


def read_toml(path: Path) -> dict[str, Any]:
    """The file's tables.

    Raises:
        InputError: it is not UTF-8, or not TOML.
        OSError: it cannot be opened.
    """
    try:
        return tomllib.loads(read_text(path))
    except InputError:
        raise
    except (ValueError, RecursionError) as error:  # a syntax error, a number of thousands of digits, a deep nesting
        raise InputError(f"{path} is not TOML: {error}") from None
