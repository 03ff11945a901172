"""TOML files, read whole, and the keys of their tables."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from harness.errors import InputError, unknown
from harness.textfile import read_text

_BEYOND = 1 << 63


def read_toml(path: Path) -> dict[str, Any]:
    """The file's tables.

    Raises:
        InputError: it is not UTF-8, or not TOML.
        OSError: it cannot be opened.
    """
    text = read_text(path)
    try:
        found = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # a syntax error, a number of thousands of digits, a deep nesting
        raise InputError(f"{path} is not TOML: {error}") from None
    if _is_beyond(found):
        raise InputError(f"{path} is not TOML: a whole number of it has more than 64 bits")
    return found


def check_keys(table: Mapping[str, Any], struct: type[msgspec.Struct], where: str) -> None:
    """Check that a table has no keys but the fields of a struct; so do the tables in it.

    Raises:
        InputError: a key is not one of them; names the near one.
    """
    fields = {field.name: field.type for field in msgspec.structs.fields(struct)}
    for key, value in table.items():
        if key not in fields:
            raise InputError(f"{where}: {unknown('key', key, fields)}")
        inner = fields[key]
        if isinstance(value, dict) and isinstance(inner, type) and issubclass(inner, msgspec.Struct):
            check_keys(value, inner, f"{where}, [{key}]")


def _is_beyond(value: object) -> bool:
    """Whether a whole number is in it that TOML does not have, and that cannot even be printed perhaps."""
    if isinstance(value, dict | list):
        return any(map(_is_beyond, value.values() if isinstance(value, dict) else value))
    return isinstance(value, int) and not -_BEYOND <= value < _BEYOND
