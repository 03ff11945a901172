"""Rates of counted cases hold the true rate, however few the cases are."""

from __future__ import annotations

import pytest
from scipy.stats import binom

from harness.analyse.rates import counted, rate


def test_bounds_are_those_that_the_binomial_distribution_gives() -> None:
    found = rate(3, 20)
    assert found.value == 0.15
    assert binom.sf(2, 20, found.low) == pytest.approx(0.025)
    assert binom.cdf(3, 20, found.high) == pytest.approx(0.025)


def test_none_and_all_are_no_certainty() -> None:
    assert (rate(0, 20).low, rate(20, 20).high) == (0, 1)
    assert rate(0, 20).high == pytest.approx(1 - 0.025 ** (1 / 20))
    assert rate(20, 20).low == pytest.approx(0.025 ** (1 / 20))


def test_a_count_is_written_with_its_bounds() -> None:
    assert counted(0, 20) == "0 of 20 [0.0 %, 16.8 %]"
    assert counted(20, 20) == "20 of 20 [83.2 %, 100.0 %]"


@pytest.mark.parametrize(("successes", "trials"), [(0, 0), (-1, 3), (4, 3)])
def test_what_is_no_share_is_refused(successes: int, trials: int) -> None:
    with pytest.raises(ValueError, match="is not a share"):
        rate(successes, trials)
