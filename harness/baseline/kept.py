"""Values that a call keeps for the next schema levels, up to a limit in bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Reuse:
    """The slot ``reuse``: what a call does not compute twice."""

    encoded_texts: int | None = None  # the most bytes of the text tower's output to keep; None to keep nothing
    prompts_once: bool = False  # whether equal prompts on the same text are scored once per level


NO_REUSE = Reuse()


class Kept(Generic[_Key, _Value]):
    """A mapping with a limit in bytes; a value that does not fit is not kept.

    Older values are not evicted for newer ones: every schema level goes through the texts in the same order, so the
    oldest value is the one needed next.
    """

    def __init__(self, most: int, size: Callable[[_Value], int]) -> None:
        """Make an empty one.

        Args:
            most: the most bytes of all values together.
            size: returns the bytes of a value.
        """
        self._left, self._size = most, size
        self._values: dict[_Key, _Value] = {}

    def get(self, key: _Key) -> _Value | None:
        """The value; None if it was never put or did not fit."""
        return self._values.get(key)

    def put(self, key: _Key, value: _Value) -> None:
        """Keep a value under a new key if it fits."""
        if (size := self._size(value)) <= self._left:
            self._values[key] = value
            self._left -= size
