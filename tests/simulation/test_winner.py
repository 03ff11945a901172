"""A few made-up runs of which the truth is known: what is said of the one that is named holds."""

from __future__ import annotations

import math
from statistics import fmean, stdev

import numpy as np
import pytest

from simulation.study import NOMINAL, counted
from simulation.study_winner import CONFIRM, SUITES, sentences
from simulation.world import World

SURE = 0.999  # of an interval that chance leaves once in a thousand tests
FALSE, BIAS = 0.05, 0.003  # at most: of rivals wrongly called slower, and of the ratio that is named


@pytest.mark.parametrize(("name", "trials"), [("64 alike", 40), ("7 unlike", 200)])
def test_fresh_rounds_say_what_the_winner_is_worth(name: str, trials: int) -> None:
    said = sentences(World("unequal"), SUITES[name], CONFIRM, np.random.default_rng(0), trials)
    assert len(said.covered) == trials, "all of them name one"
    low, high = counted(said.covered).bounds(SURE)
    assert low <= NOMINAL <= high
    assert abs(fmean(said.off)) < BIAS + 3 * stdev(said.off) / math.sqrt(trials)
    assert counted(said.wrongly_slower).bounds(SURE)[0] <= FALSE


def test_without_them_the_winner_looks_faster_than_it_is_but_its_interval_knows() -> None:
    said = sentences(World("unequal"), SUITES["64 alike"], 0, np.random.default_rng(0), 40)
    assert fmean(said.off) < -0.02
    assert counted(said.covered).bounds(SURE)[1] >= NOMINAL
    assert counted(said.wrongly_slower).bounds(SURE)[0] <= FALSE
