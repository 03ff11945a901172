"""Many faults on a terminal: the first are said, the rest is counted."""

from __future__ import annotations

from collections.abc import Callable

_SHOWN = 20


class Faults:
    """Says the first of many faults, and counts all."""

    def __init__(self, say: Callable[[str], None], rest: str = "and {} more") -> None:
        """Take what says a line, and what is said of those that were only counted."""
        self.count = 0
        self._say, self._rest = say, rest

    def tell(self, said: str) -> None:
        """One more."""
        self.count += 1
        if self.count <= _SHOWN:
            self._say(said)

    def say_the_rest(self) -> None:
        """How many were only counted, if any."""
        if self.count > _SHOWN:
            self._say(self._rest.format(self.count - _SHOWN))
