from __future__ import annotations

import math
import random
from statistics import fmean, variance

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import f, norm, t

from harness.analyse.compare import MACHINE_SD, assumed_sd
from harness.analyse.stats import (
    CELLS_ALIKE,
    NOISE,
    RUNS_ALIKE,
    TIME_PRIOR,
    UNKNOWN,
    Prior,
    Spread,
    divided,
    estimate,
    judged_together,
    log_ratio,
    spreads,
    summed,
)


def test_texts_weigh_alike_however_long_they_take() -> None:
    assert log_ratio([[10, 4000]], [[20, 2000]]) == pytest.approx(0)


@given(st.floats(0.1, 10), st.lists(st.integers(10_000, 10**9), min_size=1, max_size=5))
def test_a_ratio_of_times_is_recovered(factor: float, times: list[int]) -> None:
    slower = [round(ns * factor) for ns in times]
    assert math.exp(log_ratio([slower, slower], [times, times])) == pytest.approx(factor, rel=1e-3)


def test_without_rounds_the_spread_is_the_priors() -> None:
    found = spreads({"a": [0.0], "b": [2.0], "c": [9.0]})
    assert [found.of(name).sd for name in "abc"] == pytest.approx(
        [TIME_PRIOR.sd, *2 * [TIME_PRIOR.sd * math.exp(2 * TIME_PRIOR.growth)]]  # beyond 2 nothing was published
    )
    assert found.of("a").degrees == pytest.approx(1 / (1 / CELLS_ALIKE + 1 / RUNS_ALIKE))
    assert found.of("nowhere").sd == pytest.approx(TIME_PRIOR.sd)
    assert found.degrees == 0


def test_a_lonely_cell_is_shrunk_to_the_prior() -> None:
    """By hand: (d x prior + sum of squares) / (d + 1), where d is that of a cell of a run without other rounds."""
    found = spreads({"a": [-0.05, 0.05]}).of("a")
    degrees = CELLS_ALIKE * RUNS_ALIKE / (CELLS_ALIKE + RUNS_ALIKE)
    assert found.sd**2 == pytest.approx((degrees * TIME_PRIOR.sd**2 + 2 * 0.05**2) / (degrees + 1))
    assert found.degrees == pytest.approx(degrees + 1)


def test_a_cells_level_is_where_the_others_variances_are_likeliest() -> None:
    rng = random.Random(1)
    rounds = {name: [rng.gauss(5, 0.1) for _ in range(2 + place % 4)] for place, name in enumerate("abcdefgh")}
    found = spreads(rounds, UNKNOWN)  # nothing but the run's own rounds
    others = [values for name, values in rounds.items() if name != "a"]

    def unlikely(level: float) -> float:
        return -sum(
            float(f.logpdf(variance(values) / level, len(values) - 1, CELLS_ALIKE)) - math.log(level)
            for values in others
        )

    level = minimize_scalar(unlikely, bounds=(1e-3, 1e-1), method="bounded", options={"xatol": 1e-9}).x
    known = sum(len(values) - 1 for values in others)
    degrees, own = CELLS_ALIKE * known / (CELLS_ALIKE + known), len(rounds["a"]) - 1
    expected = (degrees * level + variance(rounds["a"]) * own) / (degrees + own)
    assert found.of("a").sd ** 2 == pytest.approx(expected, rel=1e-4)
    assert found.of("a").degrees == pytest.approx(degrees + own)
    assert found.of("a").shared == known + own


def test_far_from_stock_a_run_may_vary_more_than_near_it() -> None:
    rng = random.Random(2)
    rounds = {f"{mean} {place}": [rng.gauss(mean, sd) for _ in range(4)]
              for mean, sd in ((0.0, 0.01), (2.0, 0.05)) for place in range(10)}  # fmt: skip
    found = spreads(rounds)
    near, far = (fmean(found.of(f"{mean} {place}").sd for place in range(10)) for mean in (0.0, 2.0))
    assert 0.008 < near < 0.014
    assert 0.035 < far < 0.06


def test_of_a_quantity_that_nothing_is_known_of_one_round_tells_nothing() -> None:
    alone = spreads({"a": [1.0], "b": [2.0]}, UNKNOWN).of("a")
    assert alone.estimate(0, alone.sd).high == math.inf
    assert spreads({"a": [1.0, 1.0], "b": [2.0]}, UNKNOWN).of("b").sd == 0


@pytest.mark.parametrize(("degrees", "quantile"), [(math.inf, norm.ppf(0.975)), (7.5, t.ppf(0.975, 7.5))])
def test_an_interval_is_students_where_the_spread_is_estimated(degrees: float, quantile: float) -> None:
    found = Spread(0.02, degrees).estimate(math.log(2), 0.01)
    assert found.value == pytest.approx(2)
    assert math.log(found.high / 2) == pytest.approx(quantile * 0.01)
    assert math.log(2 / found.low) == pytest.approx(quantile * 0.01)
    assert found.p == pytest.approx(t.sf((math.log(2) - math.log(1.03)) / 0.01, degrees))


def test_a_ratio_against_another_cell_carries_both_errors() -> None:
    spread = Spread(0.03)
    alone = estimate([math.log(2)], spread)
    against = divided([math.log(2)], spread, [math.log(4)], spread)
    assert alone.value == pytest.approx(2)
    assert against.value == pytest.approx(0.5)
    assert math.log(against.high / against.low) == pytest.approx(math.sqrt(2) * math.log(alone.high / alone.low))


def test_the_degrees_of_a_division_are_satterthwaites() -> None:
    found = divided([0.1, 0.3], Spread(0.1, 3), [0.1], Spread(0.02, 30))
    one, other = 0.1**2 / 2, 0.02**2
    degrees = (one + other) ** 2 / (one**2 / 3 + other**2 / 30)
    assert math.log(found.value) == pytest.approx(0.1)
    assert math.log(found.high / found.value) == pytest.approx(t.ppf(0.975, degrees) * math.sqrt(one + other))


def test_a_sum_over_many_cells_knows_no_more_than_the_level_they_share() -> None:
    total = summed([(0.01, Spread(0.02, 5, shared=9))] * 16)
    assert total.sd == pytest.approx(0.04)
    assert total.degrees == 9
    assert summed([(0.01, Spread(0.02, 5))] * 16).degrees == pytest.approx(80)
    assert summed([(0.01, Spread(0.02, 5)), (math.inf, Spread(math.inf, 1))]) == Spread(math.inf, 1, 1)
    assert summed([(0.0, Spread(0.0, 5))]).sd == 0


def test_runs_apart_differ_by_more_than_their_rounds_show() -> None:
    here, between = Spread(0.02, 30), Prior(0.015, growth=0.5, degrees=10)
    found = divided([0.2] * 4, here, [0.2] * 4, here, between=between)
    parts = [0.02**2 / 4, 0.02**2 / 4, 2 * (0.015 * math.exp(0.5 * 0.2)) ** 2]
    degrees = sum(parts) ** 2 / (parts[0] ** 2 / 30 * 2 + parts[2] ** 2 / 10)
    assert math.log(found.high) == pytest.approx(t.ppf(0.975, degrees) * math.sqrt(sum(parts)))


def test_a_look_widens_the_interval_and_takes_its_part_of_the_errors() -> None:
    spread = Spread(0.02, 30)
    once, thrice = estimate([-0.08], spread), estimate([-0.08], spread, 0.05 / 3)
    assert math.log(thrice.high / thrice.value) == pytest.approx(t.ppf(1 - 0.05 / 6, 30) * 0.02)
    assert (once.verdict, thrice.verdict) == ("faster", "inconclusive")


def quiet_cells(seed: int, sd: float = 0.02) -> dict[str, list[float]]:
    rng = random.Random(seed)
    return {name: [rng.gauss(0, sd) for _ in range(4)] for name in "abcdefghijkl"}


def test_a_cell_that_is_clearly_noisier_keeps_its_own_spread_and_hardly_moves_the_others() -> None:
    noisy = [-0.4, 0.3, 0.1, -0.2]  # an sd of 0.31
    alone, found = spreads(quiet_cells(0)), spreads(quiet_cells(0) | {"noisy": noisy})
    assert found.of("noisy").sd > 0.1
    assert alone.of("a").sd < found.of("a").sd < 1.5 * alone.of("a").sd  # the sd of all together is four times as large


@given(st.floats(0.0, 0.1))
def test_what_selfcheck_found_only_ever_widens_what_is_known_before(sd: float) -> None:
    assert TIME_PRIOR.at_least(sd).sd == assumed_sd({MACHINE_SD: sd}) == max(sd, TIME_PRIOR.sd)
    assert spreads({"a": [0.0]}, TIME_PRIOR.at_least(sd)).of("a").sd == pytest.approx(max(sd, TIME_PRIOR.sd))


@given(st.floats(0.8, 1.25), st.floats(0.001, 0.05), st.sampled_from([math.inf, 12.0, 30.0]))
def test_a_verdict_needs_the_whole_interval_beyond_the_noise(value: float, error: float, degrees: float) -> None:
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
