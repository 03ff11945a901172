"""Tags of tokens (BIO, BMES, BMEO, BIOES, BILOU, IOB1) as spans of a type."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

Span = tuple[int, int, str]  # the first token, the one after the last, and the type
Told = Callable[[int, str], None]  # (the token's index, what is wrong with its tag)

OUTSIDE = "O"
_BEGINS, _SINGLE, _ENDS, _INSIDE = "B", "SU", "EL", "IM"
_TAG = re.compile(f"[{_BEGINS}{_SINGLE}{_ENDS}{_INSIDE}][-_].+", re.IGNORECASE)


def is_tag(written: str) -> bool:
    """Whether a column holds a tag, in upper or lower case, its type after a hyphen or an underscore."""
    return written.upper() == OUTSIDE or _TAG.fullmatch(written) is not None


def begin_inside(tags: Iterable[str]) -> bool:
    """Whether tags are IOB1's: a span begins with I-, and with B- only straight after another of its type."""
    before, inside = "", False
    for tag in tags:
        kind, type_ = _parts(tag)
        if kind in _SINGLE + _ENDS or (kind in _BEGINS and type_ != before):
            return False
        inside |= kind in _INSIDE and type_ != before
        before = type_
    return inside


def spans(tags: Iterable[str], told: Told, *, iob1: bool) -> Iterator[Span]:
    """The spans that tags stand for; each tag that does not fit is reported, and read as the report says.

    Args:
        tags: one per token.
        told: called with the token's index and the fault.
        iob1: a span may begin with I-.
    """
    first, open_, place = 0, "", -1
    for place, tag in enumerate(tags):
        kind, type_ = _parts(tag)
        if not is_tag(tag):
            told(place, f"the tag {tag!r} is none of B-, I-, M-, E-, S-TYPE and O; taken for O")
        goes_on = kind in _INSIDE + _ENDS and type_ == open_ and open_ != ""
        if not goes_on:
            if open_:
                yield first, place, open_
            if type_ and kind in _INSIDE + _ENDS and not (iob1 and kind in _INSIDE):
                told(place, f"the tag {tag!r} goes on with a span that did not begin; taken for its beginning")
            first, open_ = place, type_
        if type_ and kind in _ENDS + _SINGLE:
            yield first, place + 1, open_
            open_ = ""
    if open_:
        yield first, place + 1, open_


def _parts(tag: str) -> tuple[str, str]:
    """The kind and the type; O and an empty type for what is not a tag."""
    return (tag[0].upper(), tag[2:]) if _TAG.fullmatch(tag) else (OUTSIDE, "")
