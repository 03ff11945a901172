from __future__ import annotations

import math
import random
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydoe import fracfact
from scipy.stats import t

from harness.analyse.effects import Effects, effects, tells_pairs
from harness.analyse.stats import Spread, spreads
from harness.errors import InputError

NAMES = ("a", "b", "c", "d")
EVERY = [frozenset(chosen) for size in range(5) for chosen in combinations(NAMES, size)]
EXACT = dict.fromkeys(EVERY, Spread(0.0))
factors = st.lists(st.floats(-1, 1), min_size=4, max_size=4)


def linear(gains: list[float], cell: frozenset[str], pair: float = 0.0) -> float:
    """The log of a time: each optimization's gain, and one more where both a and b are on."""
    return sum(gain for name, gain in zip(NAMES, gains, strict=True) if name in cell) + pair * ({"a", "b"} <= cell)


def told(gains: list[float], pair: float, cells: list[frozenset[str]]) -> Effects:
    return effects({cell: [linear(gains, cell, pair)] for cell in cells}, EXACT)


@given(factors, st.floats(-1, 1))
def test_planted_effects_are_found_from_all_combinations(gains: list[float], pair: float) -> None:
    found = told(gains, pair, EVERY)
    assert math.log(found.without["a", "b"].value) == pytest.approx(gains[0], abs=1e-9)
    assert math.log(found.given["a", "b"].value) == pytest.approx(gains[0] + pair, abs=1e-9)
    assert math.log(found.main["a"].value) == pytest.approx(gains[0] + pair / 2, abs=1e-9)
    assert math.log(found.main["c"].value) == pytest.approx(gains[2], abs=1e-9)
    assert math.log(found.together["a", "b"].value) == pytest.approx(pair, abs=1e-9)
    assert math.log(found.together["a", "c"].value) == pytest.approx(0, abs=1e-9)


@given(factors, st.floats(-1, 1))
def test_shares_multiply_to_the_total(gains: list[float], pair: float) -> None:
    found = told(gains, pair, EVERY)
    assert found.total is not None
    shares = math.prod(share.value for share in found.shapley.values())
    assert shares == pytest.approx(found.total.value)
    assert found.total.value == pytest.approx(math.exp(sum(gains) + pair))


@given(factors, st.floats(-1, 1), st.sampled_from(EVERY))
def test_a_missing_combination_is_predicted(gains: list[float], pair: float, missing: frozenset[str]) -> None:
    found = told(gains, pair, [cell for cell in EVERY if cell != missing])
    assert found.model == "a model of main effects and pair interactions, fitted to 15 of 16 combinations"
    assert math.log(found.given["a", "b"].value) == pytest.approx(gains[0] + pair, abs=1e-9)
    assert found.total is not None
    assert math.prod(share.value for share in found.shapley.values()) == pytest.approx(found.total.value)


@given(factors, st.floats(-1, 1))
def test_a_fraction_tells_main_effects_and_names_what_it_mixes(gains: list[float], pair: float) -> None:
    half = [cell for cell in EVERY if len(cell) % 2 == 0]  # the generator d = abc, resolution IV
    found = told(gains, pair, half)
    assert not found.given
    assert not found.shapley
    assert found.total is None
    assert math.log(found.main["a"].value) == pytest.approx(gains[0] + pair / 2, abs=1e-9)
    assert math.log(found.main["c"].value) == pytest.approx(gains[2], abs=1e-9)
    assert found.model.endswith("distinguished: a x b = c x d; a x c = b x d; a x d = b x c")


def test_a_design_that_tells_nothing_is_named() -> None:
    alone = [cell for cell in EVERY if len(cell) <= 1]  # here a pair's interaction would pass for a main effect
    with pytest.raises(InputError, match="5 of 16 combinations of a, b, c, d do not suffice"):
        told([0, 0, 0, 0], 0, alone)


@pytest.mark.parametrize(
    ("count", "fraction"), [(3, None), (4, '"a b c abc"'), (5, '"a b c d abcd"'), (6, '"a b c d e abcde"')]
)
def test_a_fraction_that_is_suggested_fits_and_tells(count: int, fraction: str | None) -> None:
    names = "abcdef"[:count]
    with pytest.raises(InputError, match="do not suffice") as refused:
        tells_pairs([frozenset(), *map(frozenset, names)])
    _, found, suggested = str(refused.value).partition("(fraction = ")
    assert suggested.removesuffix(")") == (fraction or "")
    if found:
        runs = fracfact(suggested.strip('")'))
        cells = [frozenset(name for name, level in zip(names, run, strict=True) if level > 0) for run in runs]
        assert tells_pairs(cells) == (count > 4)


def of_cells(cells: dict[frozenset[str], list[float]]) -> dict[frozenset[str], Spread]:
    found = spreads({"+".join(sorted(cell)): values for cell, values in cells.items()}).cells
    return dict(zip(cells, found.values(), strict=True))


def test_an_effect_has_the_errors_of_the_cells_that_it_is_made_of() -> None:
    cells = {cell: [0.0, 0.0] for cell in EVERY}
    noisy = {cell: Spread(0.05 if "a" in cell else 0.01, 8) for cell in EVERY}
    found = effects(cells, noisy)
    assert found.total is not None
    one, other = 0.05**2 / 2, 0.01**2 / 2  # of all together, and of none
    degrees = (one + other) ** 2 / (one**2 / 8 + other**2 / 8)
    assert math.log(found.total.high) == pytest.approx(t.ppf(0.975, degrees) * math.sqrt(one + other))
    error = math.sqrt((one + other) / 8)  # of eight pairs of cells
    degrees = (8 * (one + other)) ** 2 / (8 * (one**2 + other**2) / 8)
    assert math.log(found.main["a"].high) == pytest.approx(t.ppf(0.975, degrees) * error)


def test_intervals_hold_what_was_planted_in_19_of_20_runs() -> None:
    """Known effects, 200 simulated runs: a 95 % interval must hold them in 182 to 197 (binomial, 95 % and more)."""
    rng = random.Random(6)
    gains, pair, sd = [-0.7, -0.1, 0.05, 0.0], 0.3, 0.02
    main, given_b, both, share = 0, 0, 0, 0
    for _ in range(200):
        cells = {cell: [rng.gauss(linear(gains, cell, pair), sd) for _ in range(2)] for cell in EVERY}
        found = effects(cells, of_cells(cells))
        main += found.main["a"].low < math.exp(gains[0] + pair / 2) < found.main["a"].high
        given_b += found.given["a", "b"].low < math.exp(gains[0] + pair) < found.given["a", "b"].high
        both += found.together["a", "b"].low < math.exp(pair) < found.together["a", "b"].high
        share += found.shapley["c"].low < math.exp(gains[2]) < found.shapley["c"].high
    counts = (main, given_b, both, share)
    assert all(182 <= count <= 197 for count in counts), counts
