from __future__ import annotations

import math
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t

from harness.analyse.stats import ASSUMED_SD, FEWEST_SAMPLES, Estimate, estimate, log_ratio, percentile, pooled_spread


def test_texts_weigh_alike_however_long_they_take() -> None:
    assert log_ratio([[10, 4000]], [[20, 2000]]) == pytest.approx(0)


@given(st.floats(0.1, 10), st.lists(st.integers(10_000, 10**9), min_size=1, max_size=5))
def test_a_ratio_of_times_is_recovered(factor: float, times: list[int]) -> None:
    slower = [round(ns * factor) for ns in times]
    assert math.exp(log_ratio([slower, slower], [times, times])) == pytest.approx(factor, rel=1e-3)


def test_with_few_rounds_the_spread_is_assumed() -> None:
    spread = pooled_spread({"a": [0.0, 0.5], "b": [0.1]})
    assert spread.assumed
    assert spread.sd == ASSUMED_SD
    assert spread.quantile == pytest.approx(NormalDist().inv_cdf(0.975))


def test_with_many_rounds_the_spread_is_pooled_over_cells() -> None:
    spread = pooled_spread({name: [shift, shift + 0.02] for name, shift in zip("abcdefghijkl", range(12), strict=True)})
    assert not spread.assumed
    assert spread.sd == pytest.approx(0.02 / math.sqrt(2))
    assert spread.quantile == pytest.approx(t.ppf(0.975, 12))


def test_a_ratio_against_another_cell_carries_both_errors() -> None:
    spread = pooled_spread({})
    alone = estimate([math.log(2)], spread)
    against = estimate([math.log(2)], spread, [math.log(4)])
    assert alone.value == pytest.approx(2)
    assert against.value == pytest.approx(0.5)
    assert math.log(against.high / against.low) == pytest.approx(math.sqrt(2) * math.log(alone.high / alone.low))


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.8, 0.9, "faster"),
        (0.9, 0.98, "not shown"),
        (0.96, 1.04, "not shown"),
        (1.01, 1.2, "not shown"),
        (1.05, 1.2, "slower"),
    ],
)
def test_a_verdict_needs_the_whole_interval_beyond_the_noise(low: float, high: float, verdict: str) -> None:
    assert Estimate((low + high) / 2, low, high).verdict == verdict


@pytest.mark.parametrize("share", sorted(FEWEST_SAMPLES))
def test_a_percentile_is_refused_below_its_sample_size(share: float) -> None:
    enough = FEWEST_SAMPLES[share]
    assert percentile([1.0] * (enough - 1), share) is None
    assert percentile([1.0] * enough, share) == 1.0


def test_a_percentile_is_the_nearest_rank() -> None:
    assert percentile(list(range(1, 101)), 0.95) == 95
    assert percentile(list(range(1, 101)), 0.5) == 50
