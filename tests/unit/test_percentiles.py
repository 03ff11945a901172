"""A percentile's interval is for texts like those that were timed, so it counts texts and rounds, and no requests."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom

from harness.analyse.percentiles import (
    FEWEST_ROUNDS,
    FEWEST_SAMPLES,
    Percentile,
    _end,
    lacking,
    percentile,
    percentiles,
)


def run(rounds: int, passes: int, texts: int, *, processes: float = 0.0, seed: int = 0) -> list[list[list[int]]]:
    """Times of texts that differ much, whose requests differ little."""
    rng = np.random.default_rng(seed)
    levels = rng.normal(0, 0.5, texts) + rng.normal(0, processes, (rounds, 1, 1))
    made: list[list[list[int]]] = np.exp(levels + rng.normal(17, 0.01, (rounds, passes, texts))).astype(int).tolist()
    return made


@pytest.mark.parametrize("share", sorted(FEWEST_SAMPLES))
def test_so_few_samples_bound_a_percentile_with_one_of_them_beyond_it(share: float) -> None:
    enough = FEWEST_SAMPLES[share]
    assert binom.cdf(1, enough, 1 - share) <= 0.05 < binom.cdf(1, enough - 1, 1 - share)
    assert percentile([1.0] * (enough - 1), share) is None
    assert percentile([1.0] * enough, share) == 1.0


def test_a_percentile_is_the_nearest_rank() -> None:
    assert percentile(list(range(1, 101)), 0.95) == 95
    assert percentile(list(range(1, 101)), 0.5) == 50
    found = percentiles([[list(range(1, 101))]])
    assert [one and one.value for one in found.values()] == [50, 90, 95, None]


@pytest.mark.parametrize(
    ("rounds", "texts", "share", "lacks"),
    [
        (FEWEST_ROUNDS - 1, 100, 0.95, "4 rounds (not 3)"),
        (FEWEST_ROUNDS, 92, 0.95, "93 distinct texts (not 92)"),
        (1, 24, 0.95, "4 rounds (not 1) and 93 distinct texts (not 24)"),
        (1, 24, 0.5, "4 rounds (not 1)"),
        (FEWEST_ROUNDS, 93, 0.95, None),
        (FEWEST_ROUNDS, 8, 0.5, None),
    ],
)
def test_an_interval_takes_rounds_and_distinct_texts(rounds: int, texts: int, share: float, lacks: str | None) -> None:
    found = percentiles(run(rounds, 400 // texts, texts))[share]
    assert found is not None
    assert found.lacks == lacks == lacking(share, rounds, texts)
    assert (found.high is None) == (lacks is not None)
    assert (found.low is None) == (rounds < FEWEST_ROUNDS)


def test_more_requests_of_the_same_texts_make_no_interval_narrower() -> None:
    """24 texts that are timed 4 or 40 times are 24 texts."""
    few, many = (percentiles(run(4, passes, 24))[0.5] for passes in (4, 40))
    assert few is not None
    assert many is not None
    assert width(many) == pytest.approx(width(few), rel=0.05)
    more = percentiles(run(4, 4, 240))[0.5]
    assert more is not None
    assert width(more) < 0.5 * width(few)


def test_a_round_with_more_passes_is_one_round() -> None:
    rounds = run(5, 4, 24)
    found = percentiles([of_round[: 1 + place] for place, of_round in enumerate(rounds)])[0.5]
    whole = percentiles(rounds)[0.5]
    assert found is not None
    assert whole is not None
    assert len(found.of_rounds) == 5
    assert found.of_rounds[3:] == pytest.approx(whole.of_rounds[3:], rel=0.02)
    assert width(found) == pytest.approx(width(whole), rel=0.1)


def test_an_interval_is_as_wide_as_processes_differ() -> None:
    alike, apart = (percentiles(run(4, 4, 400, processes=sd))[0.5] for sd in (0.0, 0.3))
    assert alike is not None
    assert apart is not None
    assert width(apart) > 2 * width(alike)


def test_texts_that_all_take_as_long_leave_what_processes_differ_by() -> None:
    levels = [1_000_000, 1_100_000, 1_200_000, 1_300_000]
    found = percentiles([[[level] * 100] * 4 for level in levels])[0.5]
    assert found is not None
    assert found.of_rounds == tuple(levels)
    assert width(found) == pytest.approx(2 * 3.182 * np.log(levels).std(ddof=1) / 2, rel=0.1)


@pytest.mark.parametrize(("texts", "share"), [(8, 0.5), (24, 0.5), (46, 0.9), (93, 0.95), (200, 0.95)])
def test_the_ends_between_two_texts_hold_as_often_as_they_say(texts: int, share: float) -> None:
    drawn = np.sort(np.random.default_rng(0).exponential(size=(10_000, texts)))
    truth = -math.log(1 - share)
    low = np.array([_end(one, share) for one in drawn])
    high = -np.array([_end(-one[::-1], 1 - share) for one in drawn])
    assert np.mean(truth < low) == pytest.approx(0.025, abs=0.007)
    assert np.mean(truth > high) == pytest.approx(0.025, abs=0.007)


def width(found: Percentile) -> float:
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.value <= found.high
    return math.log(found.high / found.low)
