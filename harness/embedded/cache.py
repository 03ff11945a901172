"""A folder of the user's in which made things are kept; what is half made is never seen under its name."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.errors import InputError

VARIABLE = "UIEBENCH_CACHE"


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
    except OSError as error:
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


def _unwritable(root: Path, error: OSError) -> InputError:
    return InputError(f"the cache {str(root)!r} cannot be written: {error}; name another folder with {VARIABLE}")
