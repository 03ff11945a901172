"""The room itself: its worlds have the noise of the records, and its counts have their bounds."""

from __future__ import annotations

import math
from statistics import fmean

import numpy as np
import pytest
from scipy.stats import beta

from harness.analyse.between import PUBLISHED, PUBLISHED_RATES
from harness.analyse.stats import RATE_PRIOR, TIME_PRIOR, Prior
from simulation.noise import PADDED, cells, noise
from simulation.study import Count, Result, studies, table
from simulation.world import WORLDS, World

MEANS = [0.0, math.log(6)]


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name)
def test_rounds_lie_around_the_truth_as_far_as_published_ones_do(world: World) -> None:
    drawn = world.log_ratios(np.random.default_rng(0), MEANS, 4, 4000)
    assert drawn.shape == (4000, 2, 4)
    assert drawn.mean(axis=(0, 2)) == pytest.approx(MEANS, abs=0.002)
    sds = noise("time").sds if world.name != "equal" else (noise("time").pooled,) * 2
    assert (np.sqrt(drawn.var(axis=(0, 2))) > 0.9 * np.array(sds)).all()
    assert (np.sqrt(drawn.var(axis=(0, 2))) < 1.7 * np.array(sds)).all()


def test_only_where_runs_shift_do_they_lie_off_the_truth() -> None:
    for world in WORLDS:
        rng = np.random.default_rng(0)
        drawn = world.log_ratios(rng, MEANS, 100, 4000, shifts=world.shifts(rng, 4000)).mean(axis=2)
        between = noise("time").between if world.name == "run shift" else (0, 0)
        within = world.log_ratios(rng, MEANS, 100, 4000).mean(axis=2).var(axis=0)
        assert np.sqrt(np.maximum(drawn.var(axis=0) - within, 0)) == pytest.approx(between, rel=0.05, abs=0.001)


def test_rounds_go_with_the_one_before_only_where_they_are_autocorrelated() -> None:
    def lag(name: str) -> float:
        (world,) = (one for one in WORLDS if one.name == name)
        drawn = world.log_ratios(np.random.default_rng(0), [0.0], 1000, 20)[:, 0]
        return float(np.mean(drawn[:, 1:] * drawn[:, :-1]) / np.var(drawn))

    assert lag("autocorrelated") == pytest.approx(noise("time").correlation, abs=0.02)
    assert lag("equal") == pytest.approx(0, abs=0.02)


def test_times_have_the_ratio_that_was_asked_for() -> None:
    own, stock = WORLDS[0].times(np.random.default_rng(0), 200, 4, 24, slower=1.5)
    assert own.shape == stock.shape == (200, 4, 24)
    assert float((np.log(own) - np.log(stock)).mean()) == pytest.approx(math.log(1.5), abs=0.01)
    assert math.log(1.5) < PADDED


def test_the_bounds_of_a_rate_are_clopper_and_pearsons() -> None:
    low, high = Count(93, 100).bounds()
    assert low == pytest.approx(beta.ppf(0.025, 93, 8))
    assert high == pytest.approx(beta.ppf(0.975, 94, 7))
    assert Count(0, 20).bounds()[1] == pytest.approx(1 - 0.025 ** (1 / 20))


def test_the_table_has_a_line_a_result() -> None:
    lines = table([Result("equal", "time", Count(95, 100), None)])
    assert lines[-1] == "| equal | time | 100 | 95.0 [88.7, 98.4] | – |"
    assert "study_ratios" in studies()


@pytest.mark.parametrize(("quantity", "prior"), [("time", TIME_PRIOR), ("QPS", RATE_PRIOR)])
def test_what_is_known_before_is_what_the_published_runs_show(quantity: str, prior: Prior) -> None:
    expected = [prior.at(size).sd for size in sizes(quantity)]
    assert expected == pytest.approx(noise(quantity).sds, rel=0.25)


@pytest.mark.parametrize(("quantity", "prior"), [("time", PUBLISHED), ("QPS", PUBLISHED_RATES)])
def test_runs_of_the_same_differ_by_what_the_published_runs_show(quantity: str, prior: Prior) -> None:
    expected = [prior.at(size).sd for size in sizes(quantity)]
    assert expected == pytest.approx(noise(quantity).between, rel=0.25)


def sizes(quantity: str) -> list[float]:
    """The mean size of the log ratios of cells that compute as much as stock, and of padded ones."""
    means = [abs(fmean(values)) for values in cells(quantity).values() if len(values) > 1]
    return [fmean(one for one in means if (one > PADDED) == padded) for padded in (False, True)]
