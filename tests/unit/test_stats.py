from __future__ import annotations

import math
import random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import norm, t

from harness.analyse.compare import MACHINE_SD, assumed_sd
from harness.analyse.stats import (
    ASSUMED_SD,
    NOISE,
    Spread,
    divided,
    estimate,
    judged_together,
    log_ratio,
    pooled_spread,
    spreads,
)


def test_texts_weigh_alike_however_long_they_take() -> None:
    assert log_ratio([[10, 4000]], [[20, 2000]]) == pytest.approx(0)


@given(st.floats(0.1, 10), st.lists(st.integers(10_000, 10**9), min_size=1, max_size=5))
def test_a_ratio_of_times_is_recovered(factor: float, times: list[int]) -> None:
    slower = [round(ns * factor) for ns in times]
    assert math.exp(log_ratio([slower, slower], [times, times])) == pytest.approx(factor, rel=1e-3)


def test_with_few_rounds_the_spread_is_assumed() -> None:
    spread = pooled_spread({"a": [0.0, 0.5], "b": [0.1]})
    assert spread == Spread(ASSUMED_SD)
    assert spread.assumed


def test_with_many_rounds_the_spread_is_pooled_over_cells() -> None:
    spread = pooled_spread({name: [shift, shift + 0.02] for name, shift in zip("abcdefghijkl", range(12), strict=True)})
    assert not spread.assumed
    assert spread.sd == pytest.approx(0.02 / math.sqrt(2))
    assert spread.degrees == 12


@pytest.mark.parametrize(("degrees", "quantile"), [(None, norm.ppf(0.975)), (12, t.ppf(0.975, 12))])
def test_an_interval_is_students_where_the_spread_is_estimated(degrees: int | None, quantile: float) -> None:
    found = Spread(0.02, degrees).estimate(math.log(2), 0.01)
    assert found.value == pytest.approx(2)
    assert math.log(found.high / 2) == pytest.approx(quantile * 0.01)
    assert math.log(2 / found.low) == pytest.approx(quantile * 0.01)


def test_a_ratio_against_another_cell_carries_both_errors() -> None:
    spread = pooled_spread({})
    alone = estimate([math.log(2)], spread)
    against = divided([math.log(2)], spread, [math.log(4)], spread)
    assert alone.value == pytest.approx(2)
    assert against.value == pytest.approx(0.5)
    assert math.log(against.high / against.low) == pytest.approx(math.sqrt(2) * math.log(alone.high / alone.low))


def test_a_division_is_as_uncertain_as_its_less_certain_part() -> None:
    found = divided([0.1, 0.3], Spread(0.1, 3), [0.1], Spread(0.02, 30))
    assert math.log(found.value) == pytest.approx(0.1)
    assert math.log(found.high / found.value) == pytest.approx(t.ppf(0.975, 3) * math.hypot(0.1 / math.sqrt(2), 0.02))


def test_a_look_widens_the_interval_and_takes_its_part_of_the_errors() -> None:
    spread = Spread(0.02, 30)
    once, thrice = estimate([-0.08], spread), estimate([-0.08], spread, 0.05 / 3)
    assert math.log(thrice.high / thrice.value) == pytest.approx(t.ppf(1 - 0.05 / 6, 30) * 0.02)
    assert (once.verdict, thrice.verdict) == ("faster", "inconclusive")


def quiet_cells(seed: int, sd: float = 0.02) -> dict[str, list[float]]:
    rng = random.Random(seed)
    return {name: [rng.gauss(0, sd) for _ in range(4)] for name in "abcdefghijkl"}


def test_a_cell_that_is_clearly_noisier_keeps_its_own_spread() -> None:
    noisy = [-0.4, 0.3, 0.1, -0.2]
    found = spreads(quiet_cells(0) | {"noisy": noisy})
    assert set(found.own) == {"noisy"}
    assert found.of("noisy").degrees == 3
    assert found.of("noisy").sd == pytest.approx(0.3109, abs=1e-3)
    assert found.of("a") is found.pooled
    assert found.pooled.sd < 0.03  # the noisy one is kept out of it


def test_chance_alone_hardly_makes_a_cell_noisier() -> None:
    assert sum(bool(spreads(quiet_cells(seed)).own) for seed in range(200)) <= 8  # 1 % of runs are expected


def test_two_rounds_tell_no_spread() -> None:
    assert spreads({name: [0.0, 0.001] for name in "abcdefghijklm"} | {"noisy": [-1.0, 1.0]}).own == {}


def test_where_rounds_are_too_few_the_machines_own_spread_is_taken() -> None:
    assert spreads({"a": [0.0, 0.5]}, 0.011).of("a") == Spread(0.011)


@given(st.floats(0.8, 1.25), st.floats(0.001, 0.05), st.sampled_from([None, 12, 30]))
def test_a_verdict_needs_the_whole_interval_beyond_the_noise(value: float, error: float, degrees: int | None) -> None:
    found = Spread(0.02, degrees).estimate(math.log(value), error)
    # At the very edge, rounding decides.
    assume(min(abs(math.log(end / edge)) for end in (found.low, found.high) for edge in (0.97, 1.03)) > 1e-9)
    if found.high < 1 - NOISE:
        assert found.verdict == "faster"
    elif found.low > 1 + NOISE:
        assert found.verdict == "slower"
    else:
        inside = found.low > 1 - NOISE and found.high < 1 + NOISE
        assert found.verdict == ("no difference" if inside else "inconclusive")


def test_a_ratio_without_error_is_judged_too() -> None:
    assert [Spread(0.0).estimate(math.log(value), 0).verdict for value in (0.9, 1, 1.1)] == [
        "faster",
        "no difference",
        "slower",
    ]


def test_verdicts_together_are_holms() -> None:
    apart = {name: Spread(0.02).estimate(mean, 0.01) for name, mean in (("a", -0.2), ("b", -0.051), ("c", -0.0515))}
    assert [found.verdict for found in apart.values()] == ["faster"] * 3
    together = judged_together(apart)
    assert list(together) == ["a", "b", "c"]
    assert [found.verdict for found in together.values()] == ["faster", "inconclusive", "inconclusive"]
    assert together["c"].p < apart["c"].level  # it is c's rank that costs it the verdict
    assert together["b"].level == 0.0  # after c has none, none that is less clear has


@given(st.lists(st.floats(-0.1, 0.1), min_size=1, max_size=8))
def test_holm_only_takes_verdicts_away(means: list[float]) -> None:
    apart = {str(i): Spread(0.02).estimate(mean, 0.012) for i, mean in enumerate(means)}
    together = judged_together(apart)
    for name, found in together.items():
        assert found.verdict in (apart[name].verdict, "inconclusive")
    clearest = min(apart, key=lambda name: apart[name].p)
    alone = apart[clearest].p < 0.025 / len(means)
    assert (together[clearest].verdict in ("faster", "slower")) == alone


def test_intervals_of_ratios_hold_the_planted_ratio_in_19_of_20_runs() -> None:
    """20 combinations of 2 rounds each, 200 simulated runs: as above."""
    rng = random.Random(7)
    held = 0
    for _ in range(200):
        rounds = {str(i): [rng.gauss(math.log(0.8), 0.03) for _ in range(2)] for i in range(20)}
        found = estimate(rounds["0"], pooled_spread(rounds))
        held += found.low <= 0.8 <= found.high
    assert 182 <= held <= 197


def test_what_selfcheck_found_only_ever_widens_what_is_assumed() -> None:
    assert assumed_sd({}) == assumed_sd({MACHINE_SD: ASSUMED_SD / 2}) == ASSUMED_SD
    assert assumed_sd({MACHINE_SD: 2 * ASSUMED_SD}) == 2 * ASSUMED_SD
