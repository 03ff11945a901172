"""Texts by name: those that come with the tool, and files of any format."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.data.dataset import Example, dataset_names, find_dataset, read_examples
from harness.data.files import read_file
from harness.data.formats.find import format_of
from harness.data.formats.native import NAME as NATIVE
from harness.data.formats.told import Remark
from harness.data.schemas import unused
from harness.errors import InputError

_SHOWN = 3  # errors that are printed; the others are counted


def is_file(name: str) -> bool:
    """Whether a name is that of a file or a folder, not of a dataset that comes with the tool."""
    ours = name in dataset_names() or f"{name}/test" in dataset_names()
    return not ours and (bool(Path(name).suffix) or Path(name).exists())


def find_texts(name: str, folder: Path | None = None) -> str:
    """The name, or the path that it stands for: a file that is not here may be in the suite's folder.

    Args:
        name: a dataset's, or a file's.
        folder: the folder of the suite that names it.

    Raises:
        InputError: two files could be meant.
    """
    if folder is None or not is_file(name) or Path(name).is_absolute():
        return name
    here, beside = Path(name), folder / name
    if not beside.exists():
        return name
    if here.exists() and not here.samefile(beside):
        raise InputError(f"{name!r} is {str(beside)!r} or {str(here.resolve())!r}; name it by its whole path")
    return name if here.exists() else str(beside)


def read_texts(
    name: str, warn: Callable[[str], None], *, format_name: str | None = None, schema: Any = None
) -> Iterator[Example]:
    """Stream texts, each checked.

    A dataset of the tool, or a file in its own format, must be free of faults. In a file of another format, unusable
    texts and labels are left out and reported.

    Args:
        name: ``NAME``, ``NAME/SPLIT``, a file, or a brat folder.
        warn: called after reading, or when it fails, with what was left out and with remarks.
        format_name: of a file; None to guess it from the content.
        schema: for a file without one; None to take the types of its labels.

    Raises:
        InputError: there is no such dataset or file, its format cannot be determined, a line of the tool's own format
            cannot be used, or a schema is given for texts with their own.
    """
    own = _with_schemas(name, format_name)
    if own is not None:
        if schema is not None:
            raise unused(name)
        yield from read_examples(own)
        return
    faults = _Faults()
    try:
        yield from read_file(Path(name), faults.note, format_name, schema)
    finally:
        faults.tell(name, format_name, warn)


def carry_schemas(name: str, format_name: str | None = None) -> bool:
    """Whether each text of that name has its own schema: datasets of the tool and files in its own format.

    Args:
        name: a dataset's, or a file's.
        format_name: of a file; None to guess it from the content.

    Raises:
        InputError: there is no such dataset or file, or its format cannot be determined.
    """
    return _with_schemas(name, format_name) is not None


def _with_schemas(name: str, format_name: str | None) -> Path | None:
    """The file, if each of its texts has its own schema; None if it is in another format."""
    if not is_file(name):
        return find_dataset(name)
    return Path(name) if _is_native(Path(name), format_name) else None


@dataclass
class _Faults:
    faults: list[str] = field(default_factory=list)  # the first ones
    remarks: list[str] = field(default_factory=list)
    counts: Counter[bool] = field(default_factory=Counter)  # of all, by whether they are remarks

    def note(self, line: int, said: str) -> None:
        remark = isinstance(said, Remark)
        self.counts[remark] += 1
        if self.counts[remark] <= _SHOWN:
            (self.remarks if remark else self.faults).append(f"line {line}: {said}")

    def tell(self, name: str, format_name: str | None, warn: Callable[[str], None]) -> None:
        command = f"`uiebench data check {shlex.quote(name)}{f' --format {format_name}' if format_name else ''}`"
        if self.faults:
            what = "; ".join(self.faults) + self._more(remark=False)
            warn(f"{name}: {what}; the labels or texts concerned are left out ({command} names each)")
        for remark in self.remarks:
            warn(f"{name}: {remark}")
        if self._more(remark=True):
            warn(f"{name}:{self._more(remark=True)} remarks ({command} has each)")

    def _more(self, *, remark: bool) -> str:
        others = self.counts[remark] - _SHOWN
        return f" and {others} more" if others > 0 else ""


def _is_native(path: Path, format_name: str | None) -> bool:
    if path.suffix == ".jsonl":
        find_dataset(str(path))
    return format_of(path, format_name).NAME == NATIVE
