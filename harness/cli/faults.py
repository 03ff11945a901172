"""Many errors on a terminal: the first ones are printed, the rest is counted."""

from __future__ import annotations

from collections.abc import Callable

_SHOWN = 20


class Faults:
    """Prints the first errors, and counts all of them."""

    def __init__(self, say: Callable[[str], None], rest: str = "and {} more") -> None:
        """`say` prints a line; `rest` is the line for those that were only counted, with `{}` for their number."""
        self.count = 0
        self._say, self._rest = say, rest

    def tell(self, said: str) -> None:
        """Report one more error."""
        self.count += 1
        if self.count <= _SHOWN:
            self._say(said)

    def say_the_rest(self) -> None:
        """Print how many were only counted, if any."""
        if self.count > _SHOWN:
            self._say(self._rest.format(self.count - _SHOWN))
