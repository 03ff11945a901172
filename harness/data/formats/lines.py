"""Files of one JSON object per line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from harness.data.formats.document import Document, Problem
from harness.errors import InputError
from harness.jsontext import parse_json
from harness.textfile import read_lines, split_lines


def objects(path: Path, problem: Problem) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects with their lines; anything else is reported and skipped."""
    for number, line in read_lines(path, problem):
        if line.strip():
            try:
                yield number, parse_object(line)
            except InputError as error:
                problem(number, str(error))


def parse_object(line: str) -> dict[str, Any]:
    """The object that a line holds.

    Raises:
        InputError: there is none; the message continues after the line's name.
    """
    found = parse_json(line)
    if not isinstance(found, dict):
        raise InputError(f"is not an object but {type(found).__name__}")
    return found


def documents(
    path: Path, problem: Problem, document: Callable[[dict[str, Any], int, Problem], Document]
) -> Iterator[Document]:
    """A document for each object; an incomplete one is reported and left out."""
    for number, found in objects(path, problem):
        if not isinstance(found.get("text"), str):
            problem(number, "has no text under the key 'text'")
            continue
        try:
            yield document(found, number, problem)
        except InputError as error:
            problem(number, str(error))
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            problem(number, f"is not as this format has it: {type(error).__name__}: {error}")


def first(sample: str, key: str | None = None) -> dict[str, Any]:
    """The first object of a sample, or the first that has a key; empty if there is none."""
    for line in split_lines(sample):
        if line.strip():
            try:
                found = json.loads(line)  # errors are reported when the file is read
            except (ValueError, RecursionError):
                found = {}
            found = found if isinstance(found, dict) else {}
            if key is None or key in found:
                return found
    return {}


def write(objects: Iterable[dict[str, Any]], path: Path) -> None:
    """One line each."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for one in objects:
            file.write(json.dumps(one, ensure_ascii=False) + "\n")


def named(found: dict[str, Any], line: int) -> str:
    """The object's id; its line if the id is missing, null or empty.

    Raises:
        InputError: the id is neither a string nor a whole number.
    """
    given = found.get("id")
    if given is None or given == "":
        return str(line)
    if isinstance(given, bool) or not isinstance(given, str | int):
        raise InputError(f"the id {given!r} must be a string or a whole number, or left out")
    return str(given)
