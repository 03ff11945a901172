"""Files of one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from harness.data.formats.document import Document, Problem


def objects(path: Path, problem: Problem) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects with their lines; what is none is told. A byte that is no UTF-8 spoils its line alone."""
    with path.open(encoding="utf-8-sig", errors="surrogateescape") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                line.encode()
                found = json.loads(line)
            except UnicodeEncodeError:
                problem(number, "holds bytes that are no UTF-8")
                continue
            except json.JSONDecodeError as error:
                problem(number, f"is no JSON: {error.msg} at character {error.pos + 1}")
                continue
            except (ValueError, RecursionError) as error:
                problem(number, f"is no JSON: {error}")
                continue
            if isinstance(found, dict):
                yield number, found
            else:
                problem(number, f"is no object but {type(found).__name__}")


def documents(
    path: Path, problem: Problem, document: Callable[[dict[str, Any], int, Problem], Document]
) -> Iterator[Document]:
    """A document for each object; one that lacks what it needs is told and left out."""
    for number, found in objects(path, problem):
        if not isinstance(found.get("text"), str):
            problem(number, "has no text under the key 'text'")
            continue
        try:
            yield document(found, number, problem)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            problem(number, f"is not as this format has it: {type(error).__name__}: {error}")


def first(sample: str) -> dict[str, Any]:
    """The first object of a sample; empty where there is none."""
    line = next((line for line in sample.splitlines() if line.strip()), "")
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def write(objects: Iterable[dict[str, Any]], path: Path) -> None:
    """One line each."""
    with path.open("w", encoding="utf-8") as file:
        for one in objects:
            file.write(json.dumps(one, ensure_ascii=False) + "\n")


def named(found: dict[str, Any], line: int) -> str:
    """The object's id, or its line."""
    given = found.get("id")
    return str(given) if isinstance(given, str | int) and not isinstance(given, bool) else str(line)
