"""Remarks about a file besides its faults, each kind once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import TypeVar

from harness.data.formats.document import Problem
from harness.errors import InputError

_T = TypeVar("_T")


class Remark(str):
    """Reported like a problem, but not a fault: how something was read, or why a text has no gold."""

    __slots__ = ()


class Tally:
    """Counts remarks that hold for many texts, to report each once, with the first line where it holds."""

    def __init__(self) -> None:
        self._first: dict[str, int] = {}
        self._count: dict[str, int] = {}

    def add(self, line: int, said: str) -> None:
        """Count one more text for this remark."""
        self._first.setdefault(said, line)
        self._count[said] = self._count.get(said, 0) + 1

    def tell(self, problem: Problem) -> None:
        """Report each remark."""
        for said, line in self._first.items():
            others = self._count[said] - 1
            problem(line, Remark(f"{said}; the same holds for {others} more" if others else said))


def about(what: str, line: int, problem: Problem) -> Callable[[str], None]:
    """Reports with the name of a thing in front; a remark stays a remark."""
    return lambda said: problem(line, type(said)(f"{what}: {said}"))


def quietly(read: Callable[[Problem], Iterator[_T]], problem: Problem) -> Iterator[_T]:
    """Read for the first of two times without reporting; if it fails, the faults so far are reported."""
    try:
        yield from read(lambda _, __: None)
    except InputError:
        deque(read(problem), maxlen=0)
        raise
