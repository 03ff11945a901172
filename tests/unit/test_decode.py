from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.baseline.decode import THRESHOLD, Span, decode

ON, OFF = 1.0, -1.0


def spans(head: str, tail: str, offsets: list[tuple[int, int]] | None = None) -> list[tuple[int, int]]:
    """Decode firing (x) and silent (.) tokens; without offsets the token i stands at [i, i + 1]."""
    heads, tails = (np.array([ON if mark == "x" else OFF for mark in marks], np.float32) for marks in (head, tail))
    places = np.array([(i, i + 1) for i in range(len(head))] if offsets is None else offsets, dtype=np.int64)
    return [(span.start, span.end) for span in decode(heads, tails, places)]


@pytest.mark.parametrize(
    ("head", "tail", "expected"),
    [
        ("....", "....", []),
        ("x...", "....", []),
        ("....", "...x", []),
        (".x..", ".x..", [(1, 2)]),
        (".x..", "...x", [(1, 4)]),
        ("..x.", "x...", []),
        (".x..", "..xx", [(1, 3)]),
        ("xx..", "...x", [(0, 4), (1, 4)]),
        ("x.x.", ".x.x", [(0, 2), (2, 4)]),
        ("x..x", ".x..", [(0, 2)]),
    ],
)
def test_a_head_takes_the_first_tail_at_or_after_it(head: str, tail: str, expected: list[tuple[int, int]]) -> None:
    assert spans(head, tail) == expected


def test_a_span_that_holds_nothing_is_dropped_after_the_pairing() -> None:
    offsets = [(0, 0), (0, 1), (1, 2), (0, 0)]  # [CLS] 甲 乙 [SEP]
    assert spans(".x..", "...x", offsets) == []
    assert spans("x...", "x.x.", offsets) == []
    assert spans(".xx.", "..xx", offsets) == [(0, 2), (1, 2)]


def test_a_span_found_twice_stays_twice() -> None:
    assert spans("xx", ".x", [(0, 1), (0, 1)]) == [(0, 1), (0, 1)]


def test_spans_come_in_order_of_their_places_in_the_text() -> None:
    assert spans("xxx", "xxx", [(4, 6), (0, 3), (0, 2)]) == [(0, 2), (0, 3), (4, 6)]


def test_a_logit_at_the_threshold_does_not_fire() -> None:
    offsets = np.array([(0, 1)], dtype=np.int64)
    at, above = np.array([THRESHOLD], dtype=np.float32), np.array([0.5001], dtype=np.float32)
    assert decode(at, above, offsets) == decode(above, at, offsets) == []
    assert decode(above, above, offsets) == [Span(0, 1)]


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40))
def test_pairing_is_what_a_plain_search_finds(fires: list[tuple[bool, bool]]) -> None:
    head, tail = ("".join("x" if pair[i] else "." for pair in fires) for i in (0, 1))
    found = ((i, tail.find("x", i) + 1) for i in range(len(fires)) if head[i] == "x")

    assert spans(head, tail) == [(start, end) for start, end in found if end > 0]
