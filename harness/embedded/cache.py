"""A folder of the user's in which made things are kept; what is half made is never seen under its name.

Whoever may write there may have code run, since traces are programs: the folder is the user's alone.
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
# How torch (the first three) and safetensors say that a write failed; neither raises an OSError.
_WRITE_FAILED = (
    "PytorchStreamWriter failed writing",
    "file write failed",
    "unexpected pos",
    "I/O error",
    "No space left",
)
_PRIVATE, _OTHERS_WRITE = 0o700, stat.S_IWGRP | stat.S_IWOTH
_FULL_BYTES = 1 << 20  # with less left no entry fits, whatever its maker says


@dataclass(frozen=True)
class Entry:
    """Something in the cache."""

    name: str
    bytes: int


def cache_directory() -> Path:
    """``$UIEBENCH_CACHE``, or ``uiebench`` in the user's cache folder."""
    if chosen := os.environ.get(VARIABLE):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "uiebench"


def own_cache() -> Path:
    """The cache directory, made where it is not there, and the user's alone.

    Raises:
        InputError: it cannot be made, or is or was open to others; the message says how to mend it.
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
    """The entry of that name, made first if it is not there.

    It is made in a folder of its own and then renamed, so an interrupted or failed making leaves no entry, and of two
    processes that make it at once the first one's stays.

    Args:
        name: should change whenever what ``make`` writes does.
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
    except Exception as error:  # writers have errors of their own for a full disk
        if not _is_of_writing(error, root):
            raise
        raise _unwritable(root, error) from None
    finally:
        shutil.rmtree(half, ignore_errors=True)
    return entry


@contextmanager
def made(name: str | None, make: Callable[[Path], None]) -> Iterator[Path]:
    """The entry of that name as of :func:`cached`; without a name a folder that is gone afterwards."""
    if name is not None:
        yield cached(name, make)
        return
    with tempfile.TemporaryDirectory() as directory:
        make(Path(directory))
        yield Path(directory)


def entries() -> list[Entry]:
    """What the cache holds, half-made folders that a killed process left included."""
    root = cache_directory()
    if not root.is_dir():
        return []
    return [
        Entry(path.name, sum(file.stat().st_size for file in path.rglob("*") if file.is_file()))
        for path in sorted(root.iterdir())
        if path.is_dir()
    ]


def clear() -> int:
    """Delete every entry; returns how many bytes that freed."""
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
    """Refuse what is another user's, or what others may write."""
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
    """Keep others from reading a folder that an older version left open to them; not the user's home, if it is that."""
    home = os.environ.get("HOME")
    if home and Path(home).resolve().is_relative_to(folder.resolve()):
        return
    if stat.S_IMODE(folder.stat().st_mode) != _PRIVATE:
        with suppress(OSError):  # a file system that is read-only
            folder.chmod(_PRIVATE)


def _is_of_writing(error: Exception, root: Path) -> bool:
    if isinstance(error, UiebenchError):  # it says itself what to do
        return False
    said = any(words in str(error) for words in _WRITE_FAILED)
    return isinstance(error, OSError) or said or shutil.disk_usage(root).free < _FULL_BYTES


def _unwritable(root: Path, error: Exception) -> InputError:
    return InputError(
        f"the cache {str(root)!r} cannot be written: {error}; make room there, or name another folder with {VARIABLE}"
    )
