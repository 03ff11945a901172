"""A folder of the user's in which made things are kept; what is half made is never seen under its name."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
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


def cached(name: str, make: Callable[[Path], None]) -> Path:
    """The entry of that name, made first if it is not there.

    It is made in a folder of its own and then renamed, so an interrupted or failed making leaves no entry, and of two
    processes that make it at once the first one's stays.

    Args:
        name: should change whenever what ``make`` writes does.
        make: fills an empty folder.

    Raises:
        InputError: the cache cannot be written.
    """
    root = cache_directory()
    entry = root / name
    if entry.is_dir():
        return entry
    try:
        root.mkdir(parents=True, exist_ok=True)
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
    half.chmod(0o755)
    try:
        half.rename(entry)
    except OSError:
        if not entry.is_dir():
            raise


def _is_of_writing(error: Exception, root: Path) -> bool:
    if isinstance(error, UiebenchError):  # it says itself what to do
        return False
    said = any(words in str(error) for words in _WRITE_FAILED)
    return isinstance(error, OSError) or said or shutil.disk_usage(root).free < _FULL_BYTES


def _unwritable(root: Path, error: Exception) -> InputError:
    return InputError(
        f"the cache {str(root)!r} cannot be written: {error}; make room there, or name another folder with {VARIABLE}"
    )
