from __future__ import annotations

from harness.measure.quality import is_tie
from harness.record import Chains, Item, Mark


def item(type_: str, start: int, end: int) -> Item:
    return Item(type=type_, span="x" * (end - start), offset=[start, end])


def mark(type_: str, start: int, end: int, *path: Item) -> Mark:
    return Mark(path=list(path), type=type_, part="head", offset=[start, end], logit=0.5)


ONE: Chains = [[item("价格", 0, 2)]]
TWO: Chains = [[item("价格", 0, 2)], [item("价格", 5, 7)]]


def test_a_span_that_a_logit_at_the_threshold_decided_is_a_tie() -> None:
    near = [mark("价格", 5, 6)]
    assert is_tie(ONE, TWO, near, near)
    assert is_tie(TWO, ONE, near, near)


def test_no_mark_no_tie() -> None:
    assert not is_tie(ONE, TWO, [], [])
    assert not is_tie(ONE, TWO, [mark("价格", 5, 6)], [])


def test_a_mark_elsewhere_or_of_another_type_or_path_is_no_excuse() -> None:
    for other in (mark("价格", 7, 8), mark("颜色", 5, 6), mark("价格", 5, 6, item("产品", 0, 1))):
        assert not is_tie(ONE, TWO, [other], [other])


def test_what_follows_below_a_tied_span_is_part_of_the_tie() -> None:
    parent = item("属性词", 0, 2)
    deep: Chains = [[parent, item("情感词", 3, 4)]]
    near = [mark("属性词", 1, 2)]
    assert is_tie(deep, [], near, near)


def test_a_later_difference_counts_for_nothing_but_the_first_does() -> None:
    near = [mark("价格", 5, 6)]
    assert not is_tie([], TWO, near, near)


def test_another_order_of_the_same_spans_is_no_tie() -> None:
    assert not is_tie(TWO, TWO[::-1], [mark("价格", 0, 1)], [mark("价格", 0, 1)])
