"""The texts of a search, and those that are held back for what it finds."""

from __future__ import annotations

from collections.abc import Sequence

from harness.data.dataset import Example
from harness.errors import InputError

# Of four texts that follow each other in length the search has the first and the last, so that neither side is longer.
_TURNS = (True, False, False, True)


def split(examples: Sequence[Example]) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    """Texts to search with and as many to hold back, alike in length, each in their own order.

    Raises:
        InputError: there is only one text, or the same text twice would be on both sides.
    """
    if len({one.text for one in examples}) < 2:
        raise InputError(
            "a search needs at least two different texts, one of them to be held back; name more in the suite's [texts]"
        )
    by_length = sorted({one.text for one in examples}, key=len)
    searched = {text for place, text in enumerate(by_length) if _TURNS[place % len(_TURNS)]}
    return tuple(one for one in examples if one.text in searched), tuple(
        one for one in examples if one.text not in searched
    )
