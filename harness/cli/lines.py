"""A JSONL file of texts to a JSONL file of answers, whole lines in input order."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.cli.out import beneath
from harness.data.dataset import parse_example
from harness.errors import InputError
from harness.neutral import for_json

if TYPE_CHECKING:
    from harness.baseline.extractor import Extractor


def extract_lines(
    load: Callable[[], Extractor], source: Path, target: Path | None, schema: str | None, *, all_prefixes: bool
) -> int:
    """Answer every line; a bad one gets ``{"id", "error"}``. Returns how many were bad.

    Args:
        load: makes the extractor, once the files are known to be usable.
        source: the JSONL file.
        target: where the answers go; None is stdout.
        schema: the JSON text of a schema for lines that have none.
        all_prefixes: return inner chains too.
    """
    from rich.console import Console
    from rich.progress import Progress

    if target is not None and target.exists() and target.samefile(source):
        raise InputError(f"--output {str(target)!r} is the input file itself; name another")
    try:
        descriptor = 1 if target is None else os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    except OSError as error:
        raise InputError(f"output {str(target)!r} cannot be written: {error.strerror}; name another file") from None
    bad = 0
    try:
        extractor = load()
        with (
            source.open(encoding="utf-8", errors="surrogateescape") as lines,
            Progress(console=Console(file=beneath(sys.stderr)), disable=not sys.stderr.isatty()) as bar,
        ):
            task = bar.add_task("extract", total=source.stat().st_size)
            for number, line in enumerate(lines, 1):
                if line.strip():
                    answer = _answer(extractor, line, number, schema, all_prefixes=all_prefixes)
                    bad += "error" in answer
                    _write(descriptor, answer, target)
                bar.advance(task, len(line.encode("utf-8", "surrogateescape")))
    finally:
        if target is not None:
            os.close(descriptor)
    if bad:
        print(f"uiebench: {bad} line(s) of {source} could not be used; each has an error in its place", file=sys.stderr)
    return bad


def _answer(extractor: Extractor, line: str, number: int, schema: str | None, *, all_prefixes: bool) -> dict[str, Any]:
    try:
        example = parse_example(_with_schema(line, schema))
        return {"id": example.id, "output": extractor.extract(example.text, example.schema, all_prefixes)}
    except InputError as error:
        return {"id": _id(line), "error": f"line {number}: {error}"}


def _with_schema(line: str, schema: str | None) -> str:
    if schema is None:
        return line
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        return line
    return json.dumps({"schema": schema, **data}) if isinstance(data, dict) else line


def _id(line: str) -> str | int | None:
    """The id of a bad line, as far as it can be read."""
    try:
        found = json.loads(line)["id"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return found if isinstance(found, str | int) else None


def _write(descriptor: int, answer: dict[str, Any], target: Path | None) -> None:
    """One whole line in one call, so that an interrupt leaves no half of one."""
    data = (for_json(json.dumps(answer, ensure_ascii=False)) + "\n").encode()
    try:
        while data:
            data = data[os.write(descriptor, data) :]
    except BrokenPipeError:
        raise
    except OSError as error:
        where = "stdout" if target is None else str(target)
        raise InputError(f"output {where!r} cannot be written: {error.strerror}; the lines before are whole") from None
