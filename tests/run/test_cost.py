"""What a text takes, and how texts are shared between two."""

from __future__ import annotations

import random

import pytest

from harness.baseline.schema import Schema
from harness.data.dataset import Example
from harness.record import Chains, Item
from harness.run.cost import rows, shared, tokens

SCHEMA: Schema = {"产品": {"价格": None, "颜色": None}, "公司": None}


def item(kind: str, start: int) -> Item:
    return Item(type=kind, span="九", offset=[start, start + 1])


@pytest.mark.parametrize(
    ("chains", "count"),
    [
        (None, 2),
        ([], 2),
        ([[item("公司", 0)]], 2),  # nothing is below it
        ([[item("产品", 0)]], 4),
        ([[item("产品", 0), item("价格", 1)], [item("产品", 0), item("颜色", 2)]], 4),  # the same product
        ([[item("产品", 0)], [item("产品", 1)]], 6),
        ([[item("别的", 0)]], 2),  # a type that the schema lacks
    ],
)
def test_each_span_that_is_found_asks_for_what_is_below_it(chains: Chains | None, count: int) -> None:
    assert rows(Example("t", "九" * 30, SCHEMA), chains) == count


@pytest.mark.parametrize(("length", "windows"), [(0, 1), (382, 1), (383, 2), (734, 2), (735, 3)])
def test_a_long_text_goes_through_in_windows(length: int, windows: int) -> None:
    example = Example("t", "九" * length, {"公司": None})
    assert rows(example, None) == windows
    assert tokens(example, None, padded=True) == 512 * windows
    assert tokens(example, None, padded=False) == length + 2 + 15 * windows


def test_two_end_at_about_the_same_time() -> None:
    draws = random.Random(0)
    for _ in range(100):
        costs = [draws.random() for _ in range(draws.randrange(20))]
        ahead = draws.random() * 3
        ours, theirs = shared(costs, ahead)
        assert sorted(ours + theirs) == list(range(len(costs)))
        until = ahead + sum(costs[place] for place in ours), sum(costs[place] for place in theirs)
        assert until[0] - until[1] <= max((costs[place] for place in ours), default=ahead)
        assert until[1] - until[0] <= max((costs[place] for place in theirs), default=0)
    assert [len(share) for share in shared([1.0] * 30, 0.0, 2.0)] == [20, 10]
