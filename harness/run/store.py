"""Records on disk: one JSON line each, written before the next round starts."""

from __future__ import annotations

import gzip
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
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


def unfinished_run(parent: Path, key: str, rounds: int, cells: Mapping[str, int]) -> Path | None:
    """The newest run of that key that lacks rounds, or None.

    Args:
        parent: where runs are kept.
        key: the header's.
        rounds: how many each combination gets.
        cells: how many records a round of each combination writes.
    """
    for records in sorted(parent.glob(f"*/{RECORDS}"), reverse=True):
        try:
            header, found = read_run(records.parent, lambda _: None)
        except InputError:
            continue
        if header.key == key and len(done_rounds(found, cells)) < rounds * len(cells):
            return records.parent
    return None


def done_rounds(records: Iterable[Record], cells: Mapping[str, int]) -> set[tuple[str, int]]:
    """The (combination, round) pairs that wrote all their records."""
    counted = Counter((record.cell.combination, record.round) for record in records)
    return {pair for pair, count in counted.items() if count >= cells.get(pair[0], 1)}


def go_on(directory: Path, cells: Mapping[str, int]) -> set[tuple[str, int]]:
    """Make the records of an interrupted run whole again: a torn line and the records of a round that was cut go.

    Returns:
        The (combination, round) pairs that are done.
    """
    header, records = read_run(directory, lambda _: None)
    done = done_rounds(records, cells)
    kept = [record for record in records if (record.cell.combination, record.round) in done]
    half = directory / f"{RECORDS}.half"
    half.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in (header, *kept)))
    half.replace(directory / RECORDS)
    return done


def read_run(directory: Path, warn: Callable[[str], None]) -> tuple[Header, list[Record]]:
    """The header and the records of a run; a torn last line is dropped with a warning.

    Raises:
        InputError: there is no run, or its records cannot be read.
    """
    path, packed = directory / RECORDS, directory / f"{RECORDS}.gz"
    if packed.is_file():  # a published run
        path, data = packed, gzip.decompress(packed.read_bytes())
    elif path.is_file():
        data = path.read_bytes()
    else:
        raise InputError(f"{str(directory)!r} holds no run: there is no {RECORDS} in it")
    *lines, rest = data.split(b"\n")
    if rest:
        warn(f"{path}: the last line is torn (the run was killed while writing) and was left out")
    if not lines or _version(lines[0]) != RECORD_VERSION:
        raise InputError(f"{path} was written by another version of uiebench; run the suite again")
    try:
        header, *records = (_DECODER.decode(line) for line in lines)
    except msgspec.DecodeError as error:
        raise InputError(f"{path} cannot be read as records: {error}") from None
    assert isinstance(header, Header)  # only a header has a version
    return header, [record for record in records if not isinstance(record, Header)]


def _version(line: bytes) -> int | None:
    """The version on a header's line, whatever else a header of that version holds."""
    try:
        return msgspec.json.decode(line, type=_Versioned).version
    except msgspec.DecodeError:
        return None


class _Versioned(msgspec.Struct):
    version: int | None = None
