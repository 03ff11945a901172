"""In the quick form: intervals hold the truth as often as they say, and verdicts at the edge err as seldom."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from harness.analyse.stats import Estimate, Spread, estimate
from simulation import study_ratios
from simulation.study import Count, Result, studies
from simulation.world import WORLDS, World

TRIALS = 200
CERTAIN = 0.999  # of a rate's bounds: a hundred rates are looked at
LEAST, MOST = 0.93, 0.97
FALSE_AT_MOST = 0.035  # the budget of one side, 2.5 %, and a point
# What alternates from round to round cancels in the mean of an even number and still counts as spread.
COVERS_MORE = "order effect"
OWN = ("study_ratios", "study_rates", "study_effects", "study_between")


def faults(found: Sequence[Result]) -> list[str]:
    """What the counts show not to be as it should."""

    def bounds(count: Count) -> tuple[float, float]:
        return count.bounds(CERTAIN)

    shown = []
    for one in found:
        if one.covered and bounds(one.covered)[1] < LEAST:
            shown.append(f"{one.quantity}: too few")
        if one.covered and bounds(one.covered)[0] > MOST and one.world != COVERS_MORE:
            shown.append(f"{one.quantity}: too many")
        if one.false and bounds(one.false)[0] > FALSE_AT_MOST:
            shown.append(f"{one.quantity}: false")
    return shown


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name)
@pytest.mark.parametrize("name", OWN)
def test_what_is_promised_is_kept(name: str, world: World) -> None:
    assert faults(list(studies()[name](world, np.random.default_rng(5), TRIALS))) == []


def test_an_sd_that_is_half_of_what_it_should_be_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    def narrow(rounds: Sequence[float], spread: Spread) -> Estimate:
        return estimate(rounds, Spread(spread.sd / 2, spread.degrees))

    monkeypatch.setattr(study_ratios, "estimate", narrow)
    (world,) = (one for one in WORLDS if one.name == "unequal")
    shown = faults(list(study_ratios.study(world, np.random.default_rng(5), TRIALS)))
    assert shown == ["time / stock: too few", "time / stock: false", "time / stock, padded: too few"]


def test_an_sd_that_is_twice_what_it_should_be_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    def wide(rounds: Sequence[float], spread: Spread) -> Estimate:
        return estimate(rounds, Spread(spread.sd * 2, spread.degrees))

    monkeypatch.setattr(study_ratios, "estimate", wide)
    (world,) = (one for one in WORLDS if one.name == "unequal")
    shown = faults(list(study_ratios.study(world, np.random.default_rng(5), 2 * TRIALS)))
    assert shown == ["time / stock: too many", "time / stock, padded: too many"]
