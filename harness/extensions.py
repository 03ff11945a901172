"""Finds what can be added by one file: modules of our folders, then entry points of other distributions.

Whatever other distributions bring may be broken: it is named in a warning and left out, and everything else goes on.
"""

from __future__ import annotations

import pkgutil
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import TypeVar

from harness.errors import InputError, UiebenchError

_Loaded = TypeVar("_Loaded")


class ExtensionWarning(UserWarning):
    """An extension was left out, and why."""


def modules(package: str) -> dict[str, ModuleType]:
    """The modules of one of our packages, by name; names that begin with ``_`` are not extensions."""
    names = sorted(one.name for one in pkgutil.iter_modules(import_module(package).__path__))
    return {name: import_module(f"{package}.{name}") for name in names if not name.startswith("_")}


def collect(
    group: str,
    kind: str,
    ours: Mapping[str, _Loaded],
    made: Callable[[EntryPoint], _Loaded],
    name_of: Callable[[EntryPoint, _Loaded], str] = lambda point, _: point.name,
) -> dict[str, _Loaded]:
    """Collect by name: ours, then those of other distributions.

    Args:
        group: of entry points.
        kind: what one is called in a message.
        ours: by name; a name that is taken stays with its first owner.
        made: loads and checks one; if it raises anything, there is a warning, and the extension is left out.
        name_of: gives its name; that of the entry point by default.
    """
    known = dict(ours)
    for point, one in extensions(group, made):
        name = name_of(point, one)
        if known.setdefault(name, one) != one:
            left_out(group, f"{point.name} = {point.value}", f"there is another {kind} {name!r}; rename one")
    return known


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


def check_shape(one: object, texts: Sequence[str], functions: Sequence[str]) -> None:
    """Check that an extension has what its kind consists of.

    Raises:
        InputError: a text or a function is missing, or is something else.
    """
    are_texts = all(isinstance(getattr(one, name, None), str) for name in texts)
    if not (are_texts and all(callable(getattr(one, name, None)) for name in functions)):
        raise InputError(f"{' and '.join(texts)} must be text, and {' and '.join(functions)} must be a function")
