"""Errors that are the user's to mend: each names the thing, what is allowed, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class UiebenchError(Exception):
    """Base of every error that is shown as one message, without a traceback.

    ``failed`` says that the input was fine and the run was not: exit status 1 instead of 2.
    """

    failed = False


class InputError(UiebenchError, ValueError):
    """A text, a schema, a file or an argument is not what it has to be."""


class CheckpointError(UiebenchError):
    """A checkpoint directory is missing, incomplete, or not a SiameseUIE."""


class SuiteError(UiebenchError):
    """A suite, a combination or an optimization cannot be planned."""


class PlatformError(UiebenchError):
    """This machine cannot do what was asked for."""


class NonFiniteError(UiebenchError):
    """A logit is no number."""


class UnavailableError(UiebenchError):
    """An optimization cannot run here; the message says why."""


_LISTED = 20  # names in a message


def unknown(kind: str, name: str, allowed: Iterable[str]) -> str:
    """The message for a name that does not exist: the nearest one first, then all of them, or the first of many."""
    names = sorted(allowed)
    near = get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    rest = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return f"unknown {kind} {name!r}{hint} (known: {', '.join(names[:_LISTED]) or 'none'}{rest})"


_BRIEF = 300  # characters


def in_brief(what: object) -> str:
    """What a library says, or a name in a file, on one line of printable characters; some are a page long."""
    words = " ".join(str(what)[: 10 * _BRIEF].split())
    said = "".join(one if one.isprintable() else ascii(one)[1:-1] for one in words)
    return said if len(said) <= _BRIEF else f"{said[:_BRIEF]}…"
