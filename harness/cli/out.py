"""All output to a terminal: printed text cannot control the terminal, and no line is a command to a CI service.

Everything that a command prints goes through here, typer's own messages too. What rich lays out contains colours and
cursor moves of its own; it goes directly to the underlying stream, after its texts were escaped.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO, cast

from harness.neutral import for_terminal

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment


class _Neutral:
    """A stream that escapes what is written to it."""

    def __init__(self, beneath: TextIO) -> None:
        self.beneath = beneath

    def write(self, text: str) -> int:
        self.beneath.write(for_terminal(text))
        return len(text)

    def writelines(self, lines: Iterator[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.beneath, name)


@contextmanager
def neutral_streams() -> Iterator[None]:
    """Escape everything that is printed inside this context."""
    out, error = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = cast("TextIO", _Neutral(out)), cast("TextIO", _Neutral(error))
    try:
        yield
    finally:
        sys.stdout, sys.stderr = out, error


def beneath(stream: TextIO) -> TextIO:
    """The underlying stream, for output that is meant to control its reader."""
    return stream.beneath if isinstance(stream, _Neutral) else stream


def show(what: RenderableType, width: int | None = None) -> None:
    """Print a table, or anything else that rich can lay out.

    Args:
        what: the thing to print; its texts are not markup.
        width: in characters; None: the terminal's width.
    """
    from rich.console import Console

    console = Console(file=beneath(sys.stdout), width=width, markup=False, emoji=False, highlight=False)
    console.print(_Laid(what))


class _Laid:
    """Laid-out output with its texts escaped."""

    def __init__(self, inner: RenderableType) -> None:
        self._inner = inner

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        from rich.segment import Segment

        for segment in console.render(self._inner, options):
            yield segment if segment.control else Segment(for_terminal(segment.text), segment.style)
