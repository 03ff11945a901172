"""The one way out to a terminal: nothing of what is printed steers it, and no line of it is a command to a CI service.

Whatever a command prints goes through here, typer's own messages too, and no command has to think of it. What rich lays
out has colours and moves of its own, so it goes to the stream beneath, with its texts made neutral before.
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
    """A stream that makes what is written neutral."""

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
    """What is printed within is made neutral."""
    out, error = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = cast("TextIO", _Neutral(out)), cast("TextIO", _Neutral(error))
    try:
        yield
    finally:
        sys.stdout, sys.stderr = out, error


def beneath(stream: TextIO) -> TextIO:
    """The stream itself, for what is meant to steer whoever reads it."""
    return stream.beneath if isinstance(stream, _Neutral) else stream


def show(what: RenderableType, width: int | None = None) -> None:
    """Print a table, or what else rich lays out.

    Args:
        what: to be laid out; its texts are not markup.
        width: in characters; the terminal's, where it is None.
    """
    from rich.console import Console

    console = Console(file=beneath(sys.stdout), width=width, markup=False, emoji=False, highlight=False)
    console.print(_Laid(what))


class _Laid:
    """What is laid out, with its texts made neutral."""

    def __init__(self, inner: RenderableType) -> None:
        self._inner = inner

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        from rich.segment import Segment

        for segment in console.render(self._inner, options):
            yield segment if segment.control else Segment(for_terminal(segment.text), segment.style)
