"""Records on disk: one JSON line each, written before the next round starts."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from harness.errors import InputError
from harness.record import RECORD_VERSION, Header, Line, Record

RECORDS = "records.jsonl"
_DECODER = msgspec.json.Decoder(Line)


class Store:
    """The records of one run, in ``DIRECTORY/records.jsonl``."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / RECORDS

    def append(self, line: Line) -> None:
        """Write one line whole, and wait until it is on disk."""
        with self.path.open("ab") as file:
            file.write(msgspec.json.encode(line) + b"\n")
            file.flush()
            os.fsync(file.fileno())


def read_run(directory: Path, warn: Callable[[str], None]) -> tuple[Header, list[Record]]:
    """The header and the records of a run; a torn last line is dropped with a warning.

    Raises:
        InputError: there is no run, or its records cannot be read.
    """
    path = directory / RECORDS
    if not path.is_file():
        raise InputError(f"{str(directory)!r} holds no run: there is no {RECORDS} in it")
    *lines, rest = path.read_bytes().split(b"\n")
    if rest:
        warn(f"{path}: the last line is torn (the run was killed while writing) and was left out")
    try:
        header, *records = (_DECODER.decode(line) for line in lines)
    except (msgspec.DecodeError, ValueError) as error:
        raise InputError(f"{path} cannot be read as records: {error}") from None
    if not isinstance(header, Header) or header.version != RECORD_VERSION:
        raise InputError(f"{path} was written by another version of uiebench; run the suite again")
    return header, [record for record in records if not isinstance(record, Header)]
