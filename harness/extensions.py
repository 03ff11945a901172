"""Extensions from entry points of other distributions; a broken one is left out with a warning."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint, entry_points
from typing import TypeVar

from harness.errors import UiebenchError

_Loaded = TypeVar("_Loaded")


class ExtensionWarning(UserWarning):
    """An extension was left out, and why."""


def extensions(group: str, made: Callable[[EntryPoint], _Loaded]) -> Iterator[tuple[EntryPoint, _Loaded]]:
    """Each entry point of a group with what is made of it.

    Args:
        group: of entry points.
        made: loads and checks one; if it raises anything, there is a warning, and the extension is left out.
    """
    for point in entry_points(group=group):
        try:
            yield point, made(point)
        except (Exception, SystemExit) as error:  # whatever a stranger's module raises
            left_out(group, f"{point.name} = {point.value}", error)


def left_out(group: str, what: str, why: object) -> None:
    """Warn that an extension was left out."""
    said = repr(why) if isinstance(why, BaseException) and not isinstance(why, UiebenchError) else str(why)
    warnings.warn(ExtensionWarning(f"{group}: {what} was left out: {said}"), stacklevel=2)
