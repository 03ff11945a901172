"""The schema of a request: a nested dict of types whose leaves are null."""

from __future__ import annotations

from typing import Any, TypeAlias

from harness.errors import InputError
from harness.jsontext import parse_json

Schema: TypeAlias = "dict[str, Schema | None]"

# The prompt of a node repeats all its ancestors, and prompts are cut at 128 tokens; a part of eight levels always fits.
MAX_DEPTH = 8
_EXAMPLE = '{"产品名称": null, "属性词": {"情感词": null}}'


def check_schema(value: Any) -> Schema:
    """Return the schema that ``value`` (a dict, or the JSON text of one) stands for.

    Raises:
        InputError: it is neither, is empty, is nested deeper than 8 levels, or a leaf is neither null nor a dict.
    """
    if isinstance(value, str):
        try:
            value = parse_json(value)
        except InputError as error:
            raise InputError(f"the schema {error}; write it like {_EXAMPLE}") from None
    if not isinstance(value, dict):
        kind = "null" if value is None else type(value).__name__
        raise InputError(f"the schema must be a dict or the JSON text of one, not {kind}; write it like {_EXAMPLE}")
    _check_node(value, ())
    return value


def _check_node(node: dict[Any, Any], path: tuple[str, ...]) -> None:
    where = f"the schema at {'/'.join(path)!r}" if path else "the schema"
    if not node:
        raise InputError(f"{where} is empty; it needs at least one type, and a leaf is null: {_EXAMPLE}")
    if len(path) >= MAX_DEPTH:
        raise InputError(f"{where} is nested deeper than {MAX_DEPTH} levels; ask for fewer levels at once")
    for key, below in node.items():
        if not isinstance(key, str):
            raise InputError(f"{where} has the key {key!r}; every type is a string")
        check_encodable(key, f"the type {key!r} in {where}")
        if below is None:
            continue
        if not isinstance(below, dict):
            at = "/".join((*path, key))
            raise InputError(f"the schema at {at!r} is {below!r}; a leaf is null and an inner node a dict: {_EXAMPLE}")
        _check_node(below, (*path, key))


def check_text(value: Any, what: str = "text") -> str:
    """Return ``value`` if it is a text that can be tokenized; an empty one is fine.

    Raises:
        InputError: it is not a string, or holds a lone surrogate.
    """
    if not isinstance(value, str):
        kind = "null" if value is None else type(value).__name__
        raise InputError(f"the {what} must be a string, not {kind}")
    check_encodable(value, f"the {what}")
    return value


def check_list(values: Any, what: str) -> list[Any]:
    """Return several values as a list; a single text is refused, although it can be iterated.

    Raises:
        InputError: it is one text, one schema, or cannot be iterated.
    """
    try:
        if not isinstance(values, str | bytes | dict):
            return list(values)
    except TypeError:
        pass
    kind = "null" if values is None else type(values).__name__
    raise InputError(f"the {what} must be a list, not {kind}; put a single one into brackets")


def check_encodable(value: str, what: str) -> None:
    """Refuse lone surrogates, which no tokenizer can take."""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(
            f"{what} holds a lone surrogate ({value[error.start]!r} at character {error.start}), which is not Unicode "
            "text; decode the source as UTF-8, or replace it before the call"
        ) from None
