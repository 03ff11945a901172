"""A difference of F1 is known no better than the texts show, above all where none of them differs."""

from __future__ import annotations

import random

import pytest

from harness.analyse.f1 import ScoreDifference, f1_difference
from harness.record import Score
from harness.report.table import f1_verdict


def scored(texts: int, hit: float, rng: random.Random) -> list[Score]:
    """Texts with seven gold chains each, of which some are found, and as many wrong ones as are missed."""
    right = [sum(rng.random() < hit for _ in range(7)) for _ in range(texts)]
    return [Score(found, 7, 7) for found in right]


@pytest.mark.parametrize("texts", [24, 101, 300, 1000])
def test_where_no_text_differs_four_of_them_could(texts: int) -> None:
    """Each would lose half of its F1, which is 1 here."""
    found = f1_difference([Score(7, 7, 7)] * texts, [Score(7, 7, 7)] * texts)
    assert found.value == 0
    assert -found.low * texts * 2 == pytest.approx(4, rel=0.08)
    assert found.high == 0  # no F1 is above 1
    assert found.verdict == ("not worse" if texts == 1000 else "not shown")


def test_a_loss_twice_the_margin_that_no_text_happens_to_show_is_hardly_ever_passed() -> None:
    """One text in a hundred loses all, so that F1 is 1 point less: the margin of half a point needs enough texts."""
    fewest = f1_difference([Score(7, 7, 7)] * 10, [Score(7, 7, 7)] * 10).fewest_texts
    assert fewest is not None
    assert 0.99**fewest < 0.05


def test_with_too_few_texts_it_says_how_many_it_takes() -> None:
    same = [Score(6, 7, 7)] * 101
    found = f1_difference(same, same)
    assert found.too_few_texts
    said = f1_verdict(found)
    assert said.startswith("F1 is not shown to be at most 0.5 points lower (at most ")
    assert said.endswith(f" by the data; 101 texts are too few to show 0.5, {found.fewest_texts} are needed)")
    assert found.fewest_texts is not None
    enough = [Score(6, 7, 7)] * found.fewest_texts
    assert f1_difference(enough, enough).verdict == "not worse"
    assert f1_difference(enough[:-1], enough[:-1]).verdict == "not shown"


def test_one_text_shows_nothing() -> None:
    found = f1_difference([Score(7, 7, 7)], [Score(6, 7, 7)])
    assert (found.low, found.high) == pytest.approx((-6 / 7, 1 / 7))
    assert found.verdict == "not shown"


def test_a_text_that_gold_knows_more_of_could_lose_more() -> None:
    even = [Score(5, 5, 5)] * 100
    uneven = [Score(1, 1, 1)] * 90 + [Score(41, 41, 41)] * 10  # as many chains in all
    assert f1_difference(uneven, uneven).low < 2 * f1_difference(even, even).low


def test_a_difference_of_f1_is_that_of_the_sums() -> None:
    found = f1_difference([Score(1, 2, 2), Score(0, 0, 0)], [Score(0, 2, 2), Score(0, 2, 0)])
    assert found.value == pytest.approx(0.5 - 0.0)
    nothing = f1_difference([Score(0, 0, 0)] * 2, [Score(0, 0, 0)] * 2)
    assert nothing.value == 0


def test_intervals_hold_the_planted_difference_in_19_of_20_runs() -> None:
    """Ten points of F1 apart, 200 simulated runs of 100 texts: a 95 % interval must hold them in 182 to 197."""
    rng = random.Random(3)
    held = 0
    for _ in range(200):
        found = f1_difference(scored(100, 0.7, rng), scored(100, 0.6, rng))
        held += found.low <= 0.1 <= found.high
    assert 182 <= held <= 197


@pytest.mark.parametrize(
    ("low", "high", "verdict", "smallest"),
    [
        (-0.004, 0.01, "not worse", 0.4),
        (0.0, 0.0, "not worse", 0.0),
        (0.002, 0.01, "not worse", 0.0),
        (-0.006, 0.01, "not shown", 0.6),
        (-0.006, -0.005, "not shown", 0.6),
        (-0.02, -0.006, "worse", 2.0),
    ],
)
def test_f1_is_judged_by_the_interval_against_the_margin(
    low: float, high: float, verdict: str, smallest: float
) -> None:
    found = ScoreDifference((low + high) / 2, low, high)
    assert found.margin == 0.5
    assert found.verdict == verdict
    assert found.smallest_margin == pytest.approx(smallest)


def test_the_margin_decides() -> None:
    ours, theirs = [Score(13, 14, 16)] * 200, [Score(14, 14, 16)] * 200  # 6.7 points less, in every text
    assert f1_difference(ours, theirs).verdict == "worse"
    assert f1_difference(ours, theirs, margin=7).verdict == "not worse"


def test_a_text_that_lost_everything_counts_as_any_that_could_have() -> None:
    """Of 100 texts with 4 chains and 10 with 40, a small one loses all: had it been a large one, F1 were far lower."""
    texts = [Score(4, 4, 4)] * 100 + [Score(40, 40, 40)] * 10
    found = f1_difference([Score(0, 0, 4), *texts[1:]], texts)
    same_size = f1_difference([Score(0, 0, 4)] + [Score(4, 4, 4)] * 199, [Score(4, 4, 4)] * 200)
    assert found.value == pytest.approx(-0.0025, abs=0.0003)
    one = 13 / 800  # root mean square of the chains, of all chains
    assert found.value - found.low == pytest.approx(1.98 * one / 2, rel=0.05)
    assert same_size.value - same_size.low == pytest.approx(1.97 / 400, rel=0.05)
