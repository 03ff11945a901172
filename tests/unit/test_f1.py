from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nervaluate import Evaluator

from harness.measure import f1
from harness.record import Chains, Item, Score, Scores


def item(kind: str, start: int, end: int) -> Item:
    return Item(type=kind, span="x" * (end - start), offset=[start, end])


def score(answers: list[Chains], gold: list[Chains]) -> Scores:
    scores = f1.score(answers, gold)
    assert scores is not None
    return scores


PHONE, PRICE, SOUND, GOOD = item("产品名称", 0, 2), item("价格", 5, 9), item("属性词", 3, 5), item("情感词", 5, 6)


def test_a_chain_is_right_only_with_its_parents_offsets() -> None:
    elsewhere = item("属性词", 7, 9)
    scores = score([[[SOUND, GOOD]]], [[[elsewhere, GOOD]]])
    assert scores.micro == Score(right=0, found=1, gold=1)
    assert set(scores.by_type) == {"属性词/情感词"}


def test_a_chain_found_twice_counts_once() -> None:
    assert score([[[PHONE], [PHONE]]], [[[PHONE]]]).micro == Score(right=1, found=1, gold=1)


def test_the_same_span_of_another_type_is_wrong() -> None:
    scores = score([[[item("颜色", 0, 2)]]], [[[PHONE]]])
    assert (scores.micro.precision, scores.micro.recall, scores.micro.f1) == (0, 0, 0)
    assert scores.by_type["颜色"] == Score(right=0, found=1, gold=0)
    assert scores.by_type["产品名称"] == Score(right=0, found=0, gold=1)


def test_nothing_to_find_and_nothing_found_is_perfect() -> None:
    assert score([[]], [[]]).micro.f1 == 1
    assert score([[[PHONE]]], [[]]).micro.f1 == 0
    assert score([[]], [[[PHONE]]]).micro == Score(right=0, found=0, gold=1)


def test_a_text_without_gold_is_left_out() -> None:
    scores = f1.score([[[PHONE]], [[PRICE]]], [None, [[PRICE]]])
    assert scores is not None
    assert (scores.texts, scores.micro) == (1, Score(right=1, found=1, gold=1))
    assert f1.score([[[PHONE]]], [None]) is None


def test_ratios() -> None:
    micro = score([[[PHONE], [SOUND, GOOD]], []], [[[PHONE], [PRICE]], [[PRICE]]]).micro
    assert (micro.precision, micro.recall) == (1 / 2, 1 / 3)
    assert micro.f1 == pytest.approx(2 / 5)


TYPES = ("a", "b", "c")
# Spans of a text do not overlap, as the library wants them; a slot may be empty.
SPANS = st.lists(st.sampled_from((None, *TYPES)), min_size=1, max_size=6)
TEXTS = st.lists(st.tuples(SPANS, SPANS), min_size=1, max_size=5)


def chains(kinds: list[str | None]) -> Chains:
    return [[item(kind, 2 * i, 2 * i + 1)] for i, kind in enumerate(kinds) if kind]


@given(TEXTS)
def test_f1_is_that_of_a_well_kept_library(texts: list[tuple[list[str | None], list[str | None]]]) -> None:
    answers, gold = [chains(found) for found, _ in texts], [chains(wanted) for _, wanted in texts]
    ours = score(answers, gold).micro
    named = [
        [[{"label": c[0]["type"], "start": c[0]["offset"][0], "end": c[0]["offset"][1]} for c in one] for one in side]
        for side in (gold, answers)
    ]
    theirs = Evaluator(*named, tags=list(TYPES), loader="dict").evaluate()["overall"]["strict"]
    assert (ours.right, ours.found, ours.gold) == (theirs.correct, theirs.actual, theirs.possible)
    if ours.gold and ours.found:
        assert (ours.precision, ours.recall) == (theirs.precision, theirs.recall)
        assert ours.f1 == pytest.approx(theirs.f1)
