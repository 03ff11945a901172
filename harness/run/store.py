"""Records on disk: one JSON line each, written before the next round starts."""

from __future__ import annotations

import codecs
import fcntl
import gzip
import os
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from harness.errors import InputError
from harness.record import OLDEST_VERSION, RECORD_VERSION, Finished, Header, Line, Record
from harness.run.sound import header_fault, record_fault
from harness.run.stopping import tried_again

RECORDS = "records.jsonl"
_LOCK = ".lock"
_DECODER = msgspec.json.Decoder(Line)


class Store:
    """The records of one run, in ``DIRECTORY/records.jsonl``."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / RECORDS

    def append(self, line: Line) -> None:
        """Write one line, and wait until it is on disk."""
        with self.path.open("ab") as file:
            file.write(msgspec.json.encode(line) + b"\n")
            file.flush()
            os.fsync(file.fileno())


@contextmanager
def held(directory: Path) -> Iterator[None]:
    """Lock a run against other processes; the kernel releases the lock however this process ends.

    Raises:
        InputError: another process holds it.
    """
    with (directory / _LOCK).open("ab") as file:  # not inherited by workers: Python opens files so
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"another process is making the run {str(directory)!r}; wait until it ends") from None
        except OSError:
            pass  # the file system has no locks
        yield


def unfinished_run(parent: Path, key: str, warn: Callable[[str], None]) -> Path | None:
    """The newest run of that key that was interrupted, or that its budget ended; None if there is none.

    Args:
        parent: where runs are kept.
        key: the header's.
        warn: called for a run that is skipped because another process is making it.
    """
    for directory, _ in _runs_of(sorted((path.parent for path in parent.glob(f"*/{RECORDS}")), reverse=True), key):
        if _is_whole(read_finished(directory)):
            continue
        try:
            with held(directory):
                return directory
        except InputError:
            warn(f"another process is making the same run in {str(directory)!r}; this run gets another directory")
    return None


def kept_runs(parent: Path, key: str) -> list[list[Record]]:
    """The records of all runs with that key, complete or not; those that cannot be read are skipped.

    Args:
        parent: where runs are kept.
        key: the header's.
    """
    directories = sorted({path.parent for path in parent.glob(f"*/{RECORDS}*")})
    return [records for _, records in _runs_of(directories, key)]


def _runs_of(directories: Iterable[Path], key: str) -> Iterator[tuple[Path, list[Record]]]:
    """The runs with that key that can be read, with their records."""
    for directory in directories:
        try:
            header, records = read_run(directory, lambda _: None)
        except InputError:
            continue
        if header.key == key:
            yield directory, records


def _is_whole(finished: Sequence[Finished]) -> bool:
    return bool(finished) and all(end.rule != "budget" for end in finished[-1].ends)


def done_rounds(records: Iterable[Record], cells: Mapping[str, int]) -> set[tuple[str, int]]:
    """The (combination, round) pairs with all their records."""
    found = list(records)
    counted = Counter((record.cell.combination, record.round) for record in found)
    confirming = {(record.cell.combination, record.round) for record in found if record.confirming}  # of one cell each
    return confirming | {pair for pair, count in counted.items() if count >= cells.get(pair[0], 1)}


def go_on(directory: Path, cells: Mapping[str, int]) -> list[Record]:
    """Prepare the records of an interrupted run for resuming it.

    An incomplete line is removed, and so are the records of an incomplete round and the failures that ended the run,
    since these may not occur again.

    Returns:
        The records of the rounds that are done.
    """
    header, *lines = _read(directory, lambda _: None)
    done = done_rounds(_records(lines), cells)
    done -= tried_again([one for one in _records(lines) if (one.cell.combination, one.round) in done])
    kept = [line for line in lines if isinstance(line, Finished) or (line.cell.combination, line.round) in done]
    half = directory / f"{RECORDS}.half"
    half.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in (header, *kept)))
    half.replace(directory / RECORDS)
    return _records(kept)


def read_run(directory: Path, warn: Callable[[str], None]) -> tuple[Header, list[Record]]:
    """The header and the records of a run; an incomplete last line is dropped with a warning.

    Raises:
        InputError: there is no run, or its records cannot be read.
    """
    header, *lines = _read(directory, warn)
    assert isinstance(header, Header)  # only a header has a version
    return header, _records(lines)


def read_finished(directory: Path) -> list[Finished]:
    """The ends of a run, in order; there may be several, since a run that its budget ended can be resumed.

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
    *lines, rest = data.removeprefix(codecs.BOM_UTF8).split(b"\n")
    if rest:
        warn(f"{path}: the last line is incomplete (the run was killed while writing), and was left out")
    version = _version(lines[0]) if lines else None
    if version is None:
        raise InputError(f"{path} does not begin with the header of a run; run the suite again")
    if not OLDEST_VERSION <= version <= RECORD_VERSION:
        todo = "a newer uiebench reads it" if version > RECORD_VERSION else "run the suite again"
        reads = f"{OLDEST_VERSION} to {RECORD_VERSION}"
        raise InputError(f"{path} holds records of version {version}, and this uiebench reads {reads}; {todo}")
    decoded: list[Line] = []
    for number, line in enumerate(lines, 1):
        try:
            decoded.append(_DECODER.decode(line))
            fault = _fault(decoded)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            fault = str(error)
        if fault is not None:
            raise InputError(f"{path}, line {number}: cannot be read as a record: {fault}")
    return decoded


def _fault(lines: Sequence[Line]) -> str | None:
    """What is wrong with the last line, or None."""
    header, last = lines[0], lines[-1]
    if not isinstance(header, Header):
        return "it is not the header of a run"
    if isinstance(last, Header):
        return header_fault(last) if last is header else "it is another header"
    return None if isinstance(last, Finished) else record_fault(last)


def _unpacked(path: Path) -> bytes:
    try:
        return gzip.decompress(path.read_bytes())
    except (EOFError, OSError, zlib.error) as error:
        raise InputError(f"{path} cannot be unpacked: {error}; it may be cut short, so copy it anew") from None


def _version(line: bytes) -> int | None:
    """The version in a header's line, whatever else the header contains."""
    try:
        return msgspec.json.decode(line, type=_Versioned).version
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


class _Versioned(msgspec.Struct):
    version: int | None = None
