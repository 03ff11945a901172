"""How many passes a round is worth: variances and costs that are planted are found again."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from msgspec.structs import replace

from harness.analyse.passes import Passes, passes_of, passes_used, repeated
from harness.conditions import Course
from harness.record import Cell, Measured, Parity, Record, SingleStream

MS = 1_000_000


def rounds(
    of_pass: float, of_round: float, *, passes: int = 4, count: int = 200, overhead_s: float = 9.0
) -> list[Record]:
    """Rounds of one text whose log ratios vary by as much; a pass takes 2 s, and as long untimed."""
    rng = np.random.default_rng(0)
    return made([(rng.normal(0, of_round) + rng.normal(0, of_pass, passes)).tolist() for _ in range(count)])


def made(logs: Sequence[Sequence[float]]) -> list[Record]:
    """Rounds whose passes have these log ratios."""
    found: list[Record] = []
    for number, of_round in enumerate(logs):
        own = [[round(1000 * MS * math.exp(one))] for one in of_round]
        passes = len(own)
        partner = [[1000 * MS]] * passes
        timed_s = 2.0 * passes
        course = Course(0.0, 9.0, timed_s, 0.0, 6, steady=True, priming_s=timed_s)
        samples = SingleStream(own, partner, [1] * passes, Parity(1), None)
        found.append(Measured(Cell("a", "single_stream", "t", "cpu"), number, samples, None, course))
    return found


def test_variances_and_costs_are_found_again() -> None:
    found = passes_of(rounds(0.04, 0.02))
    assert found is not None
    assert math.sqrt(found.of_pass) == pytest.approx(0.04, rel=0.1)
    assert math.sqrt(found.of_round) == pytest.approx(0.02, rel=0.2)
    assert found.pass_s == pytest.approx(4.0, rel=0.02)
    assert found.round_s == pytest.approx(9.0, rel=0.05)
    assert found.best == pytest.approx(math.sqrt(9 / 4) * 2, rel=0.25)


def test_the_best_number_costs_the_least() -> None:
    passes = Passes(of_pass=9.0, of_round=1.0, pass_s=1.0, round_s=4.0)
    assert passes.best == 6
    assert passes.wasted(6) == 0
    assert 0 < passes.wasted(5) < passes.wasted(3) < passes.wasted(1)
    assert 0 < passes.wasted(8) < passes.wasted(24)


def test_rounds_that_are_alike_want_all_the_passes_of_one() -> None:
    passes = Passes(of_pass=9.0, of_round=0.0, pass_s=1.0, round_s=4.0)
    assert math.isinf(passes.best)
    assert passes.wasted(4) == pytest.approx(1 - 9 / 18)
    (said,) = passes_used(made([[0.02, -0.02]] * 14))
    assert said.startswith(
        "Passes: 2 in each round. A pass varies by 2.8% within its round and costs 4.0 s. "
        "A round varies by 0.0% and costs 9.0 s"
    )
    assert "For the same time, more would give the smallest variance" in said


def test_the_report_says_what_too_many_passes_cost() -> None:
    (said,) = passes_used(rounds(0.02, 0.02, passes=12))
    assert "Passes: 12 in each round." in said
    assert "and costs 4.0 s. A round varies by 2." in said
    assert "For the same time, 2 would give the smallest variance" in said


def lengthened(logs: Sequence[Sequence[float]], repeats: int) -> list[Record]:
    """The same rounds, their passes so many rows of times in one."""
    found: list[Record] = []
    for one in made(logs):
        assert isinstance(one, Measured)
        found.append(replace(one, samples=replace(one.samples, repeats=repeats)))
    return found


def test_rows_of_times_that_are_one_pass_are_one_pass() -> None:
    logs = [[0.02, 0.04, -0.02, -0.04]] * 14
    single, joined = passes_of(made([[0.03, -0.03]] * 14)), passes_of(lengthened(logs, 2))
    assert single is not None
    assert joined is not None
    assert joined.of_pass == pytest.approx(single.of_pass, rel=1e-6)
    assert joined.pass_s == pytest.approx(2 * single.pass_s, rel=0.02)
    (said,) = passes_used(lengthened(logs, 2))
    assert said.startswith("Passes: 2 in each round.")


def test_the_report_says_how_often_a_pass_answers_all_texts() -> None:
    logs = [[0.0] * 6]
    (said,) = repeated([*lengthened(logs, 2), *lengthened(logs, 6)])
    assert said.startswith("A pass of single requests answers all texts 2 to 6 times in a row")
    (said,) = repeated(lengthened(logs, 3))
    assert "answers all texts 3 times in a row" in said
    assert repeated(made(logs)) == []


def test_of_too_few_rounds_nothing_is_said() -> None:
    assert passes_used(rounds(0.02, 0.02, count=12)) == []
