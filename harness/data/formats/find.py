"""Formats by name, and the format of a file by its content."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Protocol, runtime_checkable

from harness.data import formats
from harness.data.formats.document import Document, Problem
from harness.errors import InputError, UiebenchError, unknown
from harness.extensions import collect, left_out, modules
from harness.textfile import read_sample

GROUP = "uiebench.formats"
_OF_JSONL = "native"  # for lines of no known format: its reader reports what is wrong
_SAMPLE = 1 << 16  # bytes by which a format is recognised


@runtime_checkable
class Format(Protocol):
    """A module that reads a format."""

    NAME: str
    DESCRIPTION: str

    def recognise(self, path: Path, sample: str) -> bool:
        """Whether a file is of this format, by its name and its first characters."""
        ...

    def read(self, path: Path, problem: Problem) -> Iterator[Document]:
        """The documents of a file, one after another; what cannot be used is reported and left out."""
        ...


@runtime_checkable
class WritableFormat(Format, Protocol):
    """A module that writes its format too."""

    def write(self, documents: Iterable[Document], path: Path, problem: Problem) -> None:
        """Write documents; what the format cannot represent is reported and left out."""
        ...


@cache
def find_formats() -> dict[str, Format]:
    """All formats by name: the modules of this package, and installed distributions' entry points."""
    ours: dict[str, Format] = {one.NAME: one for one in modules(formats.__name__).values() if hasattr(one, "NAME")}
    return dict(sorted(collect(GROUP, "format", ours, _strange, lambda _, one: one.NAME).items()))


def _strange(point: EntryPoint) -> Format:
    """The format of another distribution.

    Raises:
        InputError: it lacks parts of a format.
    """
    one = point.load()
    if not isinstance(one, Format) or not (isinstance(one.NAME, str) and isinstance(one.DESCRIPTION, str)):
        raise InputError("a format has NAME and DESCRIPTION, which are text, and the functions recognise and read")
    return _WritableStranger(one) if isinstance(one, WritableFormat) else _Stranger(one)


class _Stranger:
    """Another distribution's format: whatever it raises becomes a message that names it."""

    def __init__(self, one: Format) -> None:
        self._one, self.NAME, self.DESCRIPTION = one, one.NAME, one.DESCRIPTION

    def recognise(self, path: Path, sample: str) -> bool:
        return self._one.recognise(path, sample)

    def read(self, path: Path, problem: Problem) -> Iterator[Document]:
        with self._named("read", path):
            yield from self._one.read(path, problem)

    @contextmanager
    def _named(self, what: str, path: Path) -> Iterator[None]:
        try:
            yield
        except (UiebenchError, OSError):
            raise
        except (Exception, SystemExit) as error:
            raise InputError(f"the format {self.NAME!r} cannot {what} {path}: {error!r}") from error


class _WritableStranger(_Stranger):
    """A format that can be written too."""

    def __init__(self, one: WritableFormat) -> None:
        super().__init__(one)
        self._written = one

    def write(self, documents: Iterable[Document], path: Path, problem: Problem) -> None:
        with self._named("write", path):
            self._written.write(documents, path, problem)


def format_of(path: Path, name: str | None = None) -> Format:
    """The format of that name, or the one that a file's content shows.

    Raises:
        InputError: there is none, or more than one fits.
    """
    known = find_formats()
    if name is not None and name not in known:
        raise InputError(unknown("format", name, known))
    if not path.exists():
        raise InputError(f"data file {str(path)!r} does not exist")
    if name is not None:
        return known[name]
    try:
        sample, refused = _sample(path), None
    except InputError as error:  # not text: a format may recognise the file by its name
        sample, refused = "", error
    fitting = [one for one in known.values() if _recognises(one, path, sample)]
    if not fitting and refused is not None:
        raise refused
    if not fitting and path.suffix == ".jsonl":
        return known[_OF_JSONL]
    if len(fitting) != 1:
        which = f"fits {' and '.join(one.NAME for one in fitting)}" if fitting else "fits no format"
        raise InputError(
            f"{path} {which}, by its name and its first lines; say which with --format, or format in a suite (known: "
            f"{', '.join(known)})"
        )
    return fitting[0]


def _recognises(one: Format, path: Path, sample: str) -> bool:
    try:
        return bool(one.recognise(path, sample))
    except Exception as error:  # another distribution's may raise anything
        left_out(GROUP, f"{one.NAME}, of {path},", error)
        return False


def _sample(path: Path) -> str:
    if path.is_dir():
        return ""
    return read_sample(path, _SAMPLE)
