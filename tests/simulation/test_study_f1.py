"""Quick forms of the studies of F1: too little to measure a rate, enough to see one that is far off."""

from __future__ import annotations

import numpy as np
import pytest

from simulation.study_f1 import KINDS, LOSS, one_kind, population, rate_of

TRIALS = 200


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("texts", [24, 300])
def test_a_loss_of_twice_the_margin_is_hardly_ever_called_not_worse(name: str, texts: int) -> None:
    found = one_kind(name, texts, np.random.default_rng(0), TRIALS)
    assert found.false is not None
    assert found.covered is not None
    assert found.false.bounds()[0] <= 0.05
    assert found.covered.bounds()[1] >= 0.93


@pytest.mark.parametrize("name", KINDS)
def test_the_rate_of_a_kind_is_that_of_the_loss(name: str) -> None:
    kind, (right, found, gold) = KINDS[name], population().T
    lost = rate_of(kind) * kind.at_risk(right, gold).sum()
    size = (found + gold).sum()
    assert 2 * right.sum() / size - 2 * (right.sum() - lost) / (size - lost) == pytest.approx(LOSS)
    assert 0 < rate_of(kind) < 1
