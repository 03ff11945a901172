"""The baseline's answers on disk, so that an interrupted run can be resumed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from harness.data.dataset import Example
from harness.errors import InputError
from harness.record import Chains, Mark
from harness.run.executors.recorded import Reference
from harness.textfile import read_lines

_FILE = "reference.jsonl"


class _Answer(msgspec.Struct):
    id: str
    output: Chains
    marks: list[Mark]


_DECODER = msgspec.json.Decoder(_Answer)


def write_reference(directory: Path, examples: Sequence[Example], reference: Reference) -> None:
    """Write the answers to the examples."""
    with (directory / _FILE).open("wb") as file:
        for example, answer, marks in zip(examples, reference.answers, reference.marks, strict=True):
            file.write(msgspec.json.encode(_Answer(example.id, list(answer), list(marks))) + b"\n")


def read_reference(directory: Path) -> Reference:
    """The baseline's answers, from a run that has begun.

    Raises:
        InputError: the file is missing or damaged.
    """
    answers = _read(directory)
    return Reference([one.output for one in answers], [one.marks for one in answers])


def read_answers(directory: Path) -> tuple[dict[str, Chains], set[str]]:
    """The baseline's answers of a run by text, and the texts where rounding alone may decide a span.

    Raises:
        InputError: as :func:`read_reference`.
    """
    answers = _read(directory)
    return {one.id: one.output for one in answers}, {one.id for one in answers if one.marks}


def _read(directory: Path) -> list[_Answer]:
    path = directory / _FILE
    try:
        return [_answer(path, number, line) for number, line in read_lines(path)]
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}; the run is not whole, so run it again") from None


def _answer(path: Path, number: int, line: str) -> _Answer:
    try:
        return msgspec.json.decode(line, type=_Answer)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        raise InputError(f"{path}, line {number}: is not an answer of a run: {error}") from None
