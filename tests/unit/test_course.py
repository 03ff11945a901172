from __future__ import annotations

import re
from typing import get_args

from harness.analyse.course import _ENDINGS, course
from harness.conditions import Course
from harness.measure.warmup import MOST, until_steady
from harness.record import Cell, ColdStart, End, Ending, Finished, Measured, Record


def rounds(*courses: Course) -> list[Record]:
    return [
        Measured(Cell("a", "cold_start", "texts", "cpu"), i, ColdStart(), None, one) for i, one in enumerate(courses)
    ]


def spent(*, steady: bool = True, requests: int = 6) -> Course:
    return Course(1.0, 3.0, 12.0, 4.0, requests, steady)


def test_an_account_names_what_the_wall_time_was_spent_on() -> None:
    ends = [End("a", 4, "precision"), End("b", 8, "precision"), End("c", 1, "budget"), End("d", 2, "failed")]
    time, warm_up, ended = course(rounds(spent(), spent(steady=False, requests=20)), [Finished(ends, 60.0)])
    assert time == (
        "The run took 1.0 minutes of wall time: 40% for timed passes, 10% for starting and warming up processes, "
        "3% for cold starts, 13% for comparing answers and collecting evidence, 33% for the rest, including the "
        "baseline's answers."
    )
    assert "then 6 to 20 requests until their times were steady. In 1 of 2 rounds they never were." in warm_up
    assert ended == (
        "Combinations: 2 precise enough (4 to 8 rounds), 1 out of time (1 round), 1 failed too often (2 rounds)."
    )


def test_every_ending_is_named_and_so_is_a_rule_that_is_not_installed_here() -> None:
    assert set(_ENDINGS) == set(get_args(Ending))
    ends = [End(f"{i}", i, rule) for i, rule in enumerate([*get_args(Ending), "rounds", "of_a_stranger"])]
    ended = course(rounds(spent()), [Finished(ends, 60.0)])[-1]
    assert len(re.findall(r"\(\d+ rounds?\)", ended)) == len(ends)
    assert "1 with all rounds (4 rounds)" in ended
    assert "1 ended by the stopping rule 'of_a_stranger' (5 rounds)" in ended


def test_untimed_requests_between_timed_ones_have_a_part_of_their_own() -> None:
    (time, *_) = course(rounds(Course(1.0, 3.0, 12.0, 4.0, 6, steady=True, priming_s=10.0)), [Finished([], 40.0)])
    assert "30% for timed passes, 25% for untimed requests between them, 8% for starting" in time
    assert "25% for the rest" in time


def test_a_run_that_was_interrupted_says_so() -> None:
    assert "interrupted" in course(rounds(spent()), [])[-1]


def test_a_record_without_an_account_has_none() -> None:
    assert course([Measured(Cell("a", "cold_start", "t", "cpu"), 0, ColdStart())], []) == []


def test_warming_up_ends_where_times_settle() -> None:
    times = iter([100, 90, 80, 50, 52, 51, 50, 51])
    assert until_steady(lambda: next(times)) == (8, True)


def test_times_that_never_settle_are_called_that() -> None:
    time = [1]

    def slower() -> int:
        time[0] *= 2
        return time[0]

    assert until_steady(slower) == (MOST, False)
