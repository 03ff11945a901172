"""What a call keeps for the next schema levels, within a limit of bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Reuse:
    """The slot ``reuse``: what a call does not compute twice."""

    encoded_texts: int | None = None  # bytes of the text tower's output that are kept at most; None for nothing
    prompts_once: bool = False  # whether the same prompt to the same text is scored once a level


NO_REUSE = Reuse()


class Kept(Generic[_Key, _Value]):
    """A mapping within a limit of bytes; what no longer fits is not kept.

    Nothing is dropped for what is newer: the levels of a schema come to the texts in the same order, so what is
    dropped would be what is wanted next.
    """

    def __init__(self, most: int, size: Callable[[_Value], int]) -> None:
        """Make an empty one.

        Args:
            most: bytes of all values together.
            size: bytes of a value.
        """
        self._left, self._size = most, size
        self._values: dict[_Key, _Value] = {}

    def get(self, key: _Key) -> _Value | None:
        """The value, or None where it was never put or did not fit."""
        return self._values.get(key)

    def put(self, key: _Key, value: _Value) -> None:
        """Keep a value of a new key, where it fits."""
        if (size := self._size(value)) <= self._left:
            self._values[key] = value
            self._left -= size
