"""Texts by name: those that come with the tool, and files of any format."""

from __future__ import annotations

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

_SHOWN = 3  # faults that are told; the rest is counted


def is_file(name: str) -> bool:
    """Whether a name is a file's (or a folder's), and not that of a dataset that comes with the tool."""
    ours = name in dataset_names() or f"{name}/test" in dataset_names()
    return not ours and (bool(Path(name).suffix) or Path(name).exists())


def read_texts(
    name: str, warn: Callable[[str], None], *, format_name: str | None = None, schema: Any = None
) -> Iterator[Example]:
    """Stream texts, each checked.

    A dataset of the tool and a file in its own format must be sound as they are. Of a file in another format, what
    cannot be used is left out and told.

    Args:
        name: ``NAME``, ``NAME/SPLIT``, a file, or a folder of brat's.
        warn: told, once all is read or cannot be, what was left out, and what is to be known besides.
        format_name: of a file; guessed from its content where it is None.
        schema: for a file that has none of its own; None takes the types of its labels.

    Raises:
        InputError: there is no such dataset or file, its format cannot be told, a line of the tool's own format cannot
            be used, or a schema is given for texts that carry theirs.
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
        faults.tell(name, warn)


def carry_schemas(name: str) -> bool:
    """Whether the texts of that name have a schema each: datasets of the tool and files in its own format.

    Raises:
        InputError: there is no such dataset or file, or its format cannot be told.
    """
    return _with_schemas(name, None) is not None


def _with_schemas(name: str, format_name: str | None) -> Path | None:
    """The file of texts that have a schema each; None where the file is in another format."""
    if not is_file(name):
        return find_dataset(name)
    return Path(name) if _is_native(Path(name), format_name) else None


@dataclass
class _Faults:
    count: int = 0
    first: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def note(self, line: int, said: str) -> None:
        if isinstance(said, Remark):
            self.remarks.append(f"line {line}: {said}")
            return
        self.count += 1
        if self.count <= _SHOWN:
            self.first.append(f"line {line}: {said}")

    def tell(self, name: str, warn: Callable[[str], None]) -> None:
        if self.count:
            rest = f" and {self.count - _SHOWN} more" if self.count > _SHOWN else ""
            warn(
                f"{name}: {'; '.join(self.first)}{rest}; what they concern is left out (`uiebench data check {name}` "
                "names each)"
            )
        for remark in self.remarks:
            warn(f"{name}: {remark}")


def _is_native(path: Path, format_name: str | None) -> bool:
    if path.suffix == ".jsonl":
        find_dataset(str(path))
    try:
        return format_of(path, format_name).NAME == NATIVE
    except InputError:
        if path.suffix == ".jsonl" and format_name is None:
            return True  # its first line is no format's; the strict reader says what is wrong with it
        raise
