from __future__ import annotations

from dataclasses import replace

from test_advice import row

from harness.analyse.f1 import ScoreDifference
from harness.analyse.rows import Row
from harness.record import Score, Scores
from harness.report.by_type import by_type
from harness.report.table import details, fields, summary


def scored(name: str, **of_types: Score) -> Row:
    return replace(row(name, 1), scores=Scores(1, Score(1, 1, 1), of_types))


def test_only_types_that_differ_from_the_baseline_are_named() -> None:
    same, half = Score(1, 1, 1), Score(1, 2, 2)
    rows = [
        scored("baseline", a=same, b=same),
        scored("x", a=half, b=same, c=Score(0, 1, 0)),
        scored("y", a=same, b=same),
    ]
    assert list(by_type(rows)) == ["x: a 0.500 (1.000), c 0.000 (1.000); different in 2 of 3 types."]


def test_without_gold_or_baseline_nothing_is_said() -> None:
    assert list(by_type([row("baseline", 1), scored("x", a=Score(0, 1, 1))])) == []
    assert list(by_type([scored("x", a=Score(0, 1, 1))])) == []


def inexact(low: float, high: float) -> Row:
    return replace(row("x", 0.5), exact=False, f1_difference=ScoreDifference((low + high) / 2, low, high))


def test_what_is_shown_worse_than_its_margin_has_its_speed_struck_out() -> None:
    worse = inexact(-0.03, -0.01)
    assert fields(worse, [worse])["time / stock"].struck
    (said,) = summary([worse])
    assert said == ("x: its F1 is more than 0.5 points lower (at most 3.0 by the data), so its speed does not count.")


def test_what_is_not_shown_worse_keeps_its_speed() -> None:
    for found, verdict in (
        (inexact(-0.03, 0.01), "F1 is not shown to be at most"),
        (inexact(-0.001, 0), "F1 is at most"),
    ):
        assert not fields(found, [found])["time / stock"].struck
        assert f"{verdict} 0.5 points lower" in summary([found])[0]
        assert details(found)["F1 margin"].text.startswith(verdict)
