"""Records on disk: one JSON line each, written before the next round starts."""

from __future__ import annotations

import gzip
import os
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from harness.errors import InputError
from harness.record import RECORD_VERSION, Finished, Header, Line, Record

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


def unfinished_run(parent: Path, key: str) -> Path | None:
    """The newest run of that key that was interrupted, or that its budget ended; None where there is none.

    Args:
        parent: where runs are kept.
        key: the header's.
    """
    for records in sorted(parent.glob(f"*/{RECORDS}"), reverse=True):
        try:
            header, _ = read_run(records.parent, lambda _: None)
        except InputError:
            continue
        if header.key == key and not _is_whole(read_finished(records.parent)):
            return records.parent
    return None


def _is_whole(finished: Sequence[Finished]) -> bool:
    return bool(finished) and all(end.rule != "budget" for end in finished[-1].ends)


def done_rounds(records: Iterable[Record], cells: Mapping[str, int]) -> set[tuple[str, int]]:
    """The (combination, round) pairs that wrote all their records."""
    counted = Counter((record.cell.combination, record.round) for record in records)
    return {pair for pair, count in counted.items() if count >= cells.get(pair[0], 1)}


def go_on(directory: Path, cells: Mapping[str, int]) -> list[Record]:
    """Make the records of an interrupted run whole again: a torn line and the records of a round that was cut go.

    Returns:
        The records of the rounds that are done.
    """
    header, *lines = _read(directory, lambda _: None)
    done = done_rounds(_records(lines), cells)
    kept = [line for line in lines if isinstance(line, Finished) or (line.cell.combination, line.round) in done]
    half = directory / f"{RECORDS}.half"
    half.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in (header, *kept)))
    half.replace(directory / RECORDS)
    return _records(kept)


def read_run(directory: Path, warn: Callable[[str], None]) -> tuple[Header, list[Record]]:
    """The header and the records of a run; a torn last line is dropped with a warning.

    Raises:
        InputError: there is no run, or its records cannot be read.
    """
    header, *lines = _read(directory, warn)
    assert isinstance(header, Header)  # only a header has a version
    return header, _records(lines)


def read_finished(directory: Path) -> list[Finished]:
    """How often a run came to its end, in order: a run that its budget ended may have gone on.

    Raises:
        InputError: as :func:`read_run`.
    """
    return [line for line in _read(directory, lambda _: None) if isinstance(line, Finished)]


def _records(lines: Iterable[Line]) -> list[Record]:
    return [line for line in lines if not isinstance(line, Header | Finished)]


def _read(directory: Path, warn: Callable[[str], None]) -> list[Any]:
    path, packed = directory / RECORDS, directory / f"{RECORDS}.gz"
    if packed.is_file():  # a published run
        path, data = packed, _unpacked(packed)
    elif path.is_file():
        data = path.read_bytes()
    else:
        raise InputError(f"{str(directory)!r} holds no run: there is no {RECORDS} in it")
    *lines, rest = data.split(b"\n")
    if rest:
        warn(f"{path}: the last line is torn (the run was killed while writing) and was left out")
    version = _version(lines[0]) if lines else None
    if version is None:
        raise InputError(f"{path} does not begin with the header of a run; run the suite again")
    if version != RECORD_VERSION:
        todo = "a newer uiebench reads it" if version > RECORD_VERSION else "run the suite again"
        raise InputError(f"{path} holds records of version {version}, and this uiebench reads {RECORD_VERSION}; {todo}")
    try:
        return [_DECODER.decode(line) for line in lines]
    except msgspec.DecodeError as error:
        raise InputError(f"{path} cannot be read as records: {error}") from None


def _unpacked(path: Path) -> bytes:
    try:
        return gzip.decompress(path.read_bytes())
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"{path} cannot be unpacked: {error}; it may be cut short, so copy it anew") from None


def _version(line: bytes) -> int | None:
    """The version on a header's line, whatever else a header of that version holds."""
    try:
        return msgspec.json.decode(line, type=_Versioned).version
    except msgspec.DecodeError:
        return None


class _Versioned(msgspec.Struct):
    version: int | None = None
