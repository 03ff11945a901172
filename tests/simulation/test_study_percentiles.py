"""Quick forms of the studies of percentiles: too little to measure a rate, enough to see one that is far off."""

from __future__ import annotations

import numpy as np
import pytest

from simulation.study_percentiles import one_size
from simulation.world import WORLDS

TRIALS = 100


@pytest.mark.parametrize(("rounds", "texts", "known"), [(4, 24, ["P50"]), (8, 100, ["P50", "P95"])])
def test_intervals_hold_the_percentile_of_texts_that_were_not_timed(rounds: int, texts: int, known: list[str]) -> None:
    found = list(one_size(WORLDS[0], rounds, texts, np.random.default_rng(0), TRIALS))
    assert [one.quantity.partition(",")[0] for one in found] == known
    for one in found:
        assert one.covered is not None
        low, high = one.covered.bounds()
        assert low <= 0.97
        assert high >= 0.93
