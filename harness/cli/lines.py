"""A file of texts to a JSONL file of answers, whole lines in input order."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.cli import warn
from harness.cli.faults import Faults
from harness.cli.out import beneath
from harness.data.dataset import Example, parse_example
from harness.data.files import read_file
from harness.data.formats.find import format_of
from harness.data.formats.native import NAME as NATIVE
from harness.data.formats.told import Remark
from harness.data.ids import Ids
from harness.errors import InputError
from harness.neutral import for_json
from harness.textfile import read_lines

if TYPE_CHECKING:
    from harness.baseline.extractor import Extractor

_LINES = (".jsonl", ".json", "")  # endings of files that are JSON lines where no format is said


@dataclass(frozen=True)
class Input:
    """The texts to answer."""

    path: Path
    format: str | None = None  # None: JSON lines by the file's name, else guessed from the content
    schema: str | None = None  # for texts that have none, as JSON

    def items(self, tell: Callable[[str], None]) -> Iterator[Example | dict[str, Any]]:
        """Yield the texts; for a JSON line that cannot be used, the answer that reports its error.

        Args:
            tell: called with each error that has no place of its own among the answers.
        """
        if self._holds_lines():
            yield from _lines(self.path, self.schema)
            return

        def note(line: int, fault: str) -> None:
            if not isinstance(fault, Remark):
                tell(f"{self.path}, line {line}: {fault}; the label or text concerned is left out")

        yield from read_file(self.path, note, self.format, self.schema)

    def _holds_lines(self) -> bool:
        if self.format is None and self.path.suffix.lower() in _LINES and not self.path.is_dir():
            return True
        return format_of(self.path, self.format).NAME == NATIVE


def extract_lines(load: Callable[[], Extractor], source: Input, target: Path | None, *, all_prefixes: bool) -> int:
    """Answer every text; a bad JSON line gets ``{"id", "error"}``. Returns the number of errors.

    Args:
        load: makes the extractor; called after the files were checked.
        source: the texts.
        target: file for the answers; None is stdout.
        all_prefixes: return inner chains too.
    """
    from rich.console import Console
    from rich.progress import Progress

    if target is not None and target.exists() and target.samefile(source.path):
        raise InputError(f"--output {str(target)!r} is the input file itself; name another")
    faults, bad = Faults(warn, "and {} more errors (`uiebench data check` lists them all)"), 0
    items = source.items(faults.tell)
    first = next(items, None)  # an input that cannot be read at all leaves the output alone
    try:
        descriptor = 1 if target is None else os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    except OSError as error:
        raise InputError(f"output {str(target)!r} cannot be written: {error.strerror}; name another file") from None
    try:
        extractor = load()
        with Progress(console=Console(file=beneath(sys.stderr)), disable=not sys.stderr.isatty()) as bar:
            task = bar.add_task("extract", total=None if bar.disable else _count(source.path))
            while first is not None:
                answer = first if isinstance(first, dict) else _answer(extractor, first, all_prefixes=all_prefixes)
                bad += "error" in answer
                _write(descriptor, answer, target)
                bar.advance(task)
                first = next(items, None)
    finally:
        if target is not None:
            os.close(descriptor)
    faults.say_the_rest()
    if bad:
        warn(f"{bad} line(s) of {source.path} could not be used; each has an error in its place")
    return bad + faults.count


def _lines(path: Path, schema: str | None) -> Iterator[Example | dict[str, Any]]:
    """Yield the texts of JSON lines, and an error for each line that cannot be used."""
    spoilt: list[dict[str, Any]] = []

    def note(number: int, fault: str) -> None:
        spoilt.append({"id": None, "error": f"line {number}: {fault}"})

    with Ids() as seen:
        for number, line in read_lines(path, note):
            yield from spoilt
            spoilt.clear()
            if line.strip():
                try:
                    yield parse_example(line, number, seen, schema)
                except InputError as error:
                    yield {"id": _id(line), "error": f"line {number}: {error}"}
    yield from spoilt


def _count(path: Path) -> int | None:
    """The number of lines of a file, about the number of answers; None for a folder."""
    if path.is_dir():
        return None
    with path.open("rb") as lines:
        return sum(1 for _ in lines)


def _answer(extractor: Extractor, example: Example, *, all_prefixes: bool) -> dict[str, Any]:
    try:
        return {"id": example.id, "output": extractor.extract(example.text, example.schema, all_prefixes)}
    except InputError as error:
        return {"id": example.id, "error": str(error)}


def _id(line: str) -> str | int | None:
    """The id of a bad line, if it can be read."""
    try:
        found = json.loads(line)["id"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return found if isinstance(found, str | int) else None


def _write(descriptor: int, answer: dict[str, Any], target: Path | None) -> None:
    """Write one whole line in one call, so that an interrupt never leaves half a line."""
    data = (for_json(json.dumps(answer, ensure_ascii=False)) + "\n").encode()
    try:
        while data:
            data = data[os.write(descriptor, data) :]
    except BrokenPipeError:
        raise
    except OSError as error:
        where = "stdout" if target is None else str(target)
        raise InputError(f"output {where!r} cannot be written: {error.strerror}; the lines before are whole") from None
