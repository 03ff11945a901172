"""The places of words in a text, for formats without offsets."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import islice, product

from harness.data.formats.told import Remark

Place = tuple[int, int]  # the first character, and the one after the last
Words = tuple[str, list[Place]]
Told = Callable[[str], None]
_MOST = 100  # most places considered for the same words, since all pairs are compared


def find(text: str, words: str, told: Told) -> list[Place]:
    """All places of words; reports words that are there in another case, width or spacing, or not at all.

    Words that are not in the text as written are taken where they occur exactly once but for case, width and blanks.
    """
    exact = list(islice(_every(text, words), _MOST))
    if exact:
        return exact
    plain, origins = _plain(text)
    bare, _ = _plain(words)
    near = [(origins[start], origins[end - 1] + 1) for start, end in islice(_every(plain, bare), _MOST)]
    if len(near) == 1:
        start, end = near[0]
        told(Remark(f"{words!r} stands in the text as {text[start:end]!r}, and is taken so"))
        return near
    often = f", and {len(near)} times but for case, width and blanks" if near else ""
    told(f"{words!r} does not stand in the text{often}; it is left out")
    return []


def together(one: Words, other: Words, told: Told) -> tuple[Place, Place] | None:
    """A place of each of two words: the nearest to each other and, if possible, without a common character.

    Reports words that occur several times. Equal words with several places are left out, since it is not clear which is
    which.

    Args:
        one: words with their places.
        other: the other words with theirs.
        told: called with what is uncertain.
    """
    if not one[1] or not other[1]:
        return None
    if one == other and len(one[1]) > 1:
        told(f"{one[0]!r} stands {len(one[1])} times in the text and is both ends of a relation; it is left out")
        return None
    for words, places in (one, other):
        if len(places) > 1:
            often = f"{words!r} stands {len(places)} times in the text, and no offset says which"
            told(Remark(f"{often}; the nearest pair is taken"))
    return min(product(one[1], other[1]), key=lambda pair: (_shared(*pair), _gap(*pair)))


def _every(text: str, words: str) -> Iterator[Place]:
    start = text.find(words) if words else -1
    while start >= 0:
        yield start, start + len(words)
        start = text.find(words, start + 1)


@lru_cache(maxsize=2)
def _plain(text: str) -> tuple[str, list[int]]:
    """The text without blanks, case and width, and the origin of each of its characters."""
    found, origins = "", []
    for place, character in enumerate(text):
        for one in unicodedata.normalize("NFKC", character).casefold():
            if not one.isspace():
                found += one
                origins.append(place)
    return found, origins


def _shared(one: Place, other: Place) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def _gap(one: Place, other: Place) -> int:
    return max(other[0] - one[1], one[0] - other[1])
