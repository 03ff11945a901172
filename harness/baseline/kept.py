"""What a call keeps for the next schema levels, within a limit of bytes."""

from __future__ import annotations

from collections import OrderedDict
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
    """A mapping within a limit of bytes: what was used the longest ago is dropped first."""

    def __init__(self, most: int, size: Callable[[_Value], int]) -> None:
        """Make an empty one.

        Args:
            most: bytes of all values together.
            size: bytes of a value.
        """
        self._most, self._size = most, size
        self._values: OrderedDict[_Key, _Value] = OrderedDict()
        self._bytes = 0

    def get(self, key: _Key) -> _Value | None:
        """The value, or None where it was never put or has been dropped."""
        if key not in self._values:
            return None
        self._values.move_to_end(key)
        return self._values[key]

    def put(self, key: _Key, value: _Value) -> None:
        """Keep a value of a new key; one that is over the limit by itself is not kept."""
        if self._size(value) > self._most:
            return
        self._values[key] = value
        self._bytes += self._size(value)
        while self._bytes > self._most:
            self._bytes -= self._size(self._values.popitem(last=False)[1])
