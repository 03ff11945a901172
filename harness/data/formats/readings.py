"""The ways in which tools count offsets."""

from __future__ import annotations

import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import accumulate, pairwise

_MARK = "\ufeff"  # a byte order mark
_BLANKS = _MARK + " \t\r\n\u3000"


class Unit(Enum):
    """The unit of offsets."""

    CHARACTER = "characters"
    UTF16 = "UTF-16 code units"
    UTF8 = "UTF-8 bytes"

    def cost(self, character: str) -> int:
        """The number of units of a character."""
        code = ord(character)
        if self is Unit.UTF16:
            return 1 + (code > 0xFFFF)
        return 1 if self is Unit.CHARACTER else 1 + (code > 0x7F) + (code > 0x7FF) + (code > 0xFFFF)

    def differs_on(self, text: str) -> bool:
        """Whether any character of a text has more than one unit."""
        return not text.isascii() and (self is Unit.UTF8 or (self is Unit.UTF16 and max(text) > "\uffff"))


class Seen(Enum):
    """The text as the tool saw it, if that differs from ours."""

    AS_IT_IS = ""
    CRLF_AS_ONE = "with CR LF as one character"
    LF_AS_TWO = "with each line end as CR LF"
    AFTER_A_MARK = "from 1, or after a byte order mark"
    TRIMMED = "without the blanks before the text"
    NORMALISED = "in the text's normal form (NFKC)"

    def differs_on(self, text: str) -> bool:
        """Whether the tool's text differs from this one."""
        match self:
            case Seen.AS_IT_IS:
                return False
            case Seen.AFTER_A_MARK:
                return True
            case Seen.CRLF_AS_ONE:
                return "\r\n" in text
            case Seen.LF_AS_TWO:
                return "\n" in text
            case Seen.TRIMMED:
                return text != text.lstrip(_BLANKS)
            case Seen.NORMALISED:
                return len(unicodedata.normalize("NFKC", text)) != len(text)


@dataclass(frozen=True, eq=False)
class Reading:
    """One way to count; the shifts are added to a file's start and end to make the end exclusive."""

    unit: Unit
    seen: Seen
    start_shift: int
    end_shift: int
    ends: str = ""

    def __str__(self) -> str:
        ways = ", ".join(way for way in (self.seen.value, self.ends) if way)
        return f"{self.unit.value}, {ways}" if ways else self.unit.value

    @property
    def moves_unseen(self) -> bool:
        """Whether spans begin elsewhere without anything in the text that explains it."""
        return self.seen is Seen.AFTER_A_MARK or self.start_shift != 0

    def differs(self, matters: Collection[Unit | Seen]) -> bool:
        """Whether it may give other spans than characters do, in a text in which these matter."""
        return bool(self.ends) or self.unit in matters or self.seen in matters

    def bounds(self, text: str) -> Sequence[int]:
        """The start of each character of the text in this reading, and the end of the last one."""
        if self.unit is Unit.CHARACTER and self.seen is Seen.AS_IT_IS:
            return range(len(text) + 1)
        costs = [self._cost(before, character) for before, character in pairwise(("", *text))]
        if self.seen is Seen.TRIMMED:
            blank = len(text) - len(text.lstrip(_BLANKS))
            costs[:blank] = [0] * blank
        start = self.unit.cost(_MARK) if self.seen is Seen.AFTER_A_MARK else 0
        return list(accumulate(costs, initial=start))

    def _cost(self, before: str, character: str) -> int:
        if character == "\n" and (self.seen, before) == (Seen.CRLF_AS_ONE, "\r"):
            return 0
        if character == "\n" and self.seen is Seen.LF_AS_TWO and before != "\r":
            return 2
        if self.seen is Seen.NORMALISED:
            return sum(map(self.unit.cost, unicodedata.normalize("NFKC", character)))
        return self.unit.cost(character)

    def span(self, bounds: Sequence[int], start: int, end: int) -> tuple[int, int] | None:
        """The characters between two offsets, end exclusive; None if there are none or a bound is inside one."""
        start, end = start + self.start_shift, end + self.end_shift
        first, last = bisect_right(bounds, start) - 1, bisect_left(bounds, end)
        if first < 0 or last >= len(bounds) or bounds[first] != start or bounds[last] != end or first >= last:
            return None
        return first, last


def readings(*, last_included: bool) -> tuple[Reading, ...]:
    """All readings, a format's own first.

    Args:
        last_included: whether a span's end in this format is its last character, not the one after it.
    """
    own, other = (1, 0) if last_included else (0, 1)
    other_ends = "the ends excluded" if last_included else "the ends included"
    return tuple(
        way
        for unit in Unit
        for way in (
            *(Reading(unit, seen, 0, own) for seen in Seen),
            Reading(unit, Seen.AS_IT_IS, 0, other, other_ends),
            Reading(unit, Seen.AS_IT_IS, -1, other - 1, f"from 1, {other_ends}"),
        )
    )


def what_matters(text: str) -> list[Unit | Seen]:
    """In which units, and seen in which ways, a text is another one than in characters and as it is."""
    return [one for one in (*Unit, *Seen) if one.differs_on(text)]


def find_way(ways: Iterable[Reading], unit: Unit, seen: Seen) -> Reading:
    """The first of some readings that counts in these units."""
    return next(way for way in ways if (way.unit, way.seen) == (unit, seen))


def utf16(text: str, place: int) -> int:
    """An offset in characters, counted in UTF-16 code units."""
    return place + sum(character > "\uffff" for character in text[:place])
