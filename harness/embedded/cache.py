"""A cache folder of the user's; an entry gets its name only when it is complete.

Anyone who can write there could run code, since traces are programs, so the folder is accessible to the user alone.
"""

from __future__ import annotations

import os
import shlex
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from harness.errors import InputError, UiebenchError

VARIABLE = "UIEBENCH_CACHE"
# Messages of torch (the first three) and safetensors for a failed write; neither raises an OSError.
_WRITE_FAILED = (
    "PytorchStreamWriter failed writing",
    "file write failed",
    "unexpected pos",
    "I/O error",
    "No space left",
)
_PRIVATE, _OTHERS_WRITE = 0o700, stat.S_IWGRP | stat.S_IWOTH
_FULL_BYTES = 1 << 20  # with less free space no entry fits, so that is the cause of any error


@dataclass(frozen=True)
class Entry:
    """An entry of the cache."""

    name: str
    bytes: int


def cache_directory() -> Path:
    """``$UIEBENCH_CACHE``, or ``uiebench`` in the user's cache folder."""
    if chosen := os.environ.get(VARIABLE):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "uiebench"


def own_cache() -> Path:
    """The cache directory, created if it does not exist, and accessible to the user alone.

    Raises:
        InputError: it cannot be created, belongs to another user or is writable by others; the message says what to do.
    """
    root = cache_directory()
    try:
        root.mkdir(parents=True, exist_ok=True, mode=_PRIVATE)
    except OSError as error:
        raise _unwritable(root, error) from None
    _check_own(root, root)
    _close(root)
    return root


def cached(name: str, make: Callable[[Path], None]) -> Path:
    """The entry of that name, made first if it does not exist.

    It is made in a temporary folder and then renamed, so an interruption or a failure leaves no entry. If two processes
    make it at once, that of the first to finish stays.

    Args:
        name: must change whenever the files that ``make`` writes change.
        make: fills an empty folder.

    Raises:
        InputError: the cache cannot be written, or others may write there.
    """
    root = own_cache()
    entry = root / name
    if entry.is_dir():
        for path in (entry, *entry.rglob("*")):
            _check_own(path, root)
        _close(entry)
        return entry
    try:
        half = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=root))
    except OSError as error:
        raise _unwritable(root, error) from None
    try:
        make(half)
        _settle(half, entry)
    except Exception as error:  # libraries raise errors of their own for a full disk
        if not _is_of_writing(error, root):
            raise
        raise _unwritable(root, error) from None
    finally:
        shutil.rmtree(half, ignore_errors=True)
    return entry


@contextmanager
def made(name: str | None, make: Callable[[Path], None]) -> Iterator[Path]:
    """The entry of that name from :func:`cached`; without a name, a folder that is deleted afterwards."""
    if name is not None:
        yield cached(name, make)
        return
    with tempfile.TemporaryDirectory() as directory:
        make(Path(directory))
        yield Path(directory)


def entries() -> list[Entry]:
    """The entries of the cache, including incomplete folders of processes that were killed."""
    root = cache_directory()
    if not root.is_dir():
        return []
    return [
        Entry(path.name, sum(file.stat().st_size for file in path.rglob("*") if file.is_file()))
        for path in sorted(root.iterdir())
        if path.is_dir()
    ]


def clear() -> int:
    """Delete every entry; returns the number of bytes freed."""
    freed = sum(entry.bytes for entry in entries())
    for entry in entries():
        shutil.rmtree(cache_directory() / entry.name, ignore_errors=True)
    return freed


def _settle(half: Path, entry: Path) -> None:
    for path in (half, *half.rglob("*")):
        path.chmod(path.stat().st_mode & ~(stat.S_IRWXG | stat.S_IRWXO))
    try:
        half.rename(entry)
    except OSError:
        if not entry.is_dir():
            raise


def _check_own(path: Path, root: Path) -> None:
    """Refuse a path that belongs to another user or that others may write to."""
    if not hasattr(os, "geteuid"):
        return
    found = path.stat() if path == root else path.lstat()  # the user may have linked the whole cache to another disk
    if found.st_uid != os.geteuid():
        said, command = f"belongs to user {found.st_uid} and not to you", f"chown -R {os.geteuid()}"
    elif found.st_mode & _OTHERS_WRITE and not stat.S_ISLNK(found.st_mode):
        said, command = "can be written by other users", "chmod -R go-rwx"
    else:
        return
    for_all = found.st_mode & stat.S_ISVTX  # a place like /tmp
    mend = "" if for_all else f"if you trust what is in it: {command} {shlex.quote(str(root))}; or "
    raise InputError(
        f"the cache is not used, because {str(path)!r} {said}, and what is read from it may run as a program; {mend}"
        f"name a folder of your own with {VARIABLE}"
    )


def _close(folder: Path) -> None:
    """Make a folder that an older version left readable private, unless it is the user's home or contains it."""
    home = os.environ.get("HOME")
    if home and Path(home).resolve().is_relative_to(folder.resolve()):
        return
    if stat.S_IMODE(folder.stat().st_mode) != _PRIVATE:
        with suppress(OSError):  # a read-only file system
            folder.chmod(_PRIVATE)


def _is_of_writing(error: Exception, root: Path) -> bool:
    if isinstance(error, UiebenchError):  # its message says what to do
        return False
    said = any(words in str(error) for words in _WRITE_FAILED)
    return isinstance(error, OSError) or said or shutil.disk_usage(root).free < _FULL_BYTES


def _unwritable(root: Path, error: Exception) -> InputError:
    return InputError(
        f"the cache {str(root)!r} cannot be written: {error}; make room there, or name another folder with {VARIABLE}"
    )
