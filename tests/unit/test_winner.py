from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from made_up import HEADER, RECORDS, measured
from msgspec import structs
from test_advice import OTHERS, row

from harness.analyse.compare import compare, ratios
from harness.analyse.entries import entries
from harness.analyse.recommend import Constraints, recommend
from harness.analyse.rows import Rounds, Row, Tried
from harness.analyse.stats import ALPHA, Spread, estimate
from harness.analyse.view import view
from harness.analyse.winner import CONTENDERS, contenders, indistinguishable, named
from harness.record import Cell, ClosedLoop, Difference, Failed, Load, Measured, Parity, Record, SingleStream
from harness.report import html, markdown
from harness.report.advice import advice
from harness.report.recommend import lines
from harness.report.table import forms_of

SPREAD = Spread(0.02)
GIB = 1 << 30


def rounds(true: Mapping[str, float], confirming: Mapping[str, float] | None = None) -> dict[str, Tried]:
    fresh = confirming or {}
    return {
        name: Tried(
            Rounds((math.log(ratio),) * 2, SPREAD),
            Rounds((math.log(fresh[name]),) * 4, SPREAD) if name in fresh else None,
        )
        for name, ratio in true.items()
    }


def test_a_ratio_that_fresh_rounds_confirm_is_theirs_alone() -> None:
    found = named(rounds({"a": 0.8, "b": 0.82}, {"a": 0.85}))
    assert found["a"] == estimate([math.log(0.85)] * 4, SPREAD)
    assert found["a"].value == pytest.approx(0.85)


def test_without_them_the_interval_holds_for_all_at_once() -> None:
    many = {f"o{place}": 0.8 for place in range(64)}
    found = named(rounds(many))["o0"]
    assert found == estimate([math.log(0.8)] * 2, SPREAD, ALPHA / 64)
    assert found.low < estimate([math.log(0.8)] * 2, SPREAD).low
    assert named(rounds({"a": 0.8}))["a"] == estimate([math.log(0.8)] * 2, SPREAD), "one alone was not chosen"


def test_verdicts_of_all_that_were_confirmed_are_judged_together() -> None:
    edge = 0.97 * math.exp(-2.1 * 0.01)  # clear alone, at a level of 2.5 %; not for one of three
    alone = named(rounds({"a": 0.9}, {"a": edge}))
    three = named(rounds(dict.fromkeys("abc", 0.9), dict.fromkeys("abc", edge)))
    assert alone["a"].verdict == "faster"
    assert [one.verdict for one in three.values()] == ["inconclusive"] * 3


def test_contenders_are_the_fastest_few() -> None:
    exact = {"baseline": True, "stock": True, "loose": False} | dict.fromkeys("abcdef", True)
    logs = {name: [math.log(0.7 + place / 50)] for place, name in enumerate(exact)}
    assert contenders(exact, logs, []) == ["a", "b", "c"]
    assert len(contenders(exact, logs, [])) == CONTENDERS
    assert contenders(exact, {"e": [-0.1], "a": []}, []) == ["e"]
    other = Parity(1, [Difference("t", tie=False, expected=[], got=[])])
    under_load = Measured(Cell("a", "closed_loop", "texts", "cpu"), 0, ClosedLoop(3, [Load(1)], [Load(1)], other))
    assert contenders(exact, logs, [under_load, *measured("b", 0.9)]) == ["b", "c", "d"]


@pytest.mark.parametrize("confirming", [{}, {"a": 0.8}])
def test_who_is_not_shown_to_be_slower_is_named_the_fastest_first(confirming: dict[str, float]) -> None:
    true = {"far": 1.2, "near": 0.83, "a": 0.8, "nearer": 0.82}
    assert indistinguishable("a", list(true), rounds(true, confirming)) == ["nearer", "near"]
    assert indistinguishable("a", ["a", "near"], rounds(true, confirming)) == ["near"]
    assert indistinguishable("a", ["a"], rounds({"a": 0.8})) == []


def test_the_more_there_were_to_choose_from_the_more_it_takes_to_be_called_slower() -> None:
    true = {"a": 0.8, "b": 0.885}
    assert indistinguishable("a", ["b"], rounds(true, {"a": 0.8})) == []
    more = true | {f"o{place}": 2.0 for place in range(62)}
    assert indistinguishable("a", ["b"], rounds(more)) == ["b"]
    assert indistinguishable("a", ["b"], rounds(more, {"a": 0.79})) == [], "what fresh rounds say counts"


def fresh(name: str, scale: float, number: int, *differences: Difference) -> Record:
    (stream,) = [
        one
        for one in measured(name, scale, *differences)
        if isinstance(one, Measured) and isinstance(one.samples, SingleStream)
    ]
    return structs.replace(stream, round=number, confirming=True)


def test_rows_are_of_the_ordinary_rounds_but_answers_and_failures_of_all() -> None:
    before, spread = compare(HEADER, RECORDS)
    more = [*RECORDS, *(fresh("better+good", 0.3, number) for number in (1, 2))]
    rows, same = compare(HEADER, more)
    for old, new in zip(before, rows, strict=True):
        assert old.latency is None or new.latency is not None
        if old.latency and new.latency:
            as_before = {"named": old.latency.named, "tried": old.latency.tried}
            assert replace(new, latency=replace(new.latency, **as_before)) == old  # type: ignore[arg-type]
    assert same == spread
    assert ratios(more) == ratios(RECORDS)
    assert entries(HEADER, more) == entries(HEADER, RECORDS)
    assert view(HEADER, more, []).found == view(HEADER, RECORDS, []).found
    latency = {row.combination: row.latency for row in rows}["better+good"]
    assert latency is not None
    assert latency.named.value == pytest.approx(0.3)
    assert latency.to_stock.value == pytest.approx(0.24)
    other = fresh("better+good", 0.3, 1, Difference("t9", tie=False, expected=[], got=[]))
    failed = Failed(other.cell, 1, "crash", "it died", confirming=True)
    for spoiled in (other, failed):
        rows, _ = compare(HEADER, [*RECORDS, spoiled])
        assert not {row.combination: row.sound for row in rows}["better+good"]
        assert advice(rows).startswith("Switch on better:")


def test_the_sentence_of_confirmed_rounds() -> None:
    rows = [*OTHERS, row("a", 0.8, confirming=[0.84] * 4), row("b", 0.82, confirming=[0.83] * 4), row("c", 1.5)]
    said = advice(rows)
    assert said.startswith("Switch on a: it takes 0.84 [0.82, 0.86] of stock's time, confirmed in 4 fresh rounds, ")
    assert said.endswith(
        "No answer changed on 24 texts (95 % bound: at most 14.2 % of such texts change). "
        "Not distinguishable from it: b."
    )
    first, second, *_ = said_by_recommend(rows)
    assert first.startswith("Switch on a: 0.84 [0.82, 0.86] of stock's time, confirmed in 4 fresh rounds, P95 1.00 ms")
    assert second == "Not distinguishable from it: b."


def said_by_recommend(rows: list[Row], **limits: float) -> list[str]:
    constraints = Constraints(limits)
    return list(lines(recommend(rows, constraints), constraints, forms_of(rows)))


def test_the_sentence_without_them_says_that_its_interval_is_wider_and_what_to_do() -> None:
    said = advice([*OTHERS, row("a", 0.6), row("b+c", 1.5)])
    assert said.endswith(
        "of such texts change). It was chosen from 2 combinations by the same rounds, so it may look faster than it "
        "is. Its interval is widened to allow for this choice. Confirming rounds give a better figure: set "
        "confirm = 4 in the suite's [measure]."
    )
    assert "confirm" not in advice([*OTHERS, row("a", 0.6)]), "nothing was chosen"


def test_many_that_cannot_be_told_apart_are_counted_and_the_smallest_is_named() -> None:
    names = ["b+c+d", "b+c", "c+d", "e", "b+d"]
    rows = [*OTHERS, row("a+b+c", 0.6), *(row(name, 0.6 + place / 100) for place, name in enumerate(names, 1))]
    ending = (
        "Not distinguishable from it: b+c+d, b+c, c+d, and 2 more. The smallest of these is e, with 1 optimization "
        "instead of 3."
    )
    assert advice(rows).endswith(ending)
    assert ending in said_by_recommend(rows)
    wrong = replace(rows[-1], broken=(Difference("t", tie=False, expected=[], got=[]),))
    assert "and 1 more." in advice([*rows[:-1], wrong])


def test_what_fresh_rounds_do_not_confirm_is_not_switched_on() -> None:
    rows = [*OTHERS, row("a", 0.8, confirming=[0.99] * 4), row("b", 1.2)]
    said = advice(rows)
    assert said.startswith("Switch on nothing: no combination of this run is clearly faster than stock")
    assert said.endswith("a looked fastest, but took 0.99 [0.97, 1.01] of stock's time in 4 fresh rounds.")
    first, second, *_ = said_by_recommend([*OTHERS[1:], *rows[2:]])
    assert first.startswith("Switch on nothing: stock keeps the constraints")
    assert second.startswith("Next best: a, 0.99 [0.97, 1.01] of stock's time in 4 fresh rounds, not clearly faster")


def test_a_limit_that_the_winner_breaks_leaves_the_next_with_its_own_fresh_rounds() -> None:
    rows = [
        *OTHERS,
        row("a", 0.8, memory=2 * GIB, confirming=[0.82] * 4),
        row("b", 0.82, confirming=[0.84]),
        row("c", 0.83),
    ]
    first, second, *_ = said_by_recommend(rows, max_rss=1.5 * GIB)
    assert first.startswith("Switch on b: 0.84 [0.80, 0.88] of stock's time, confirmed in 1 fresh round, ")
    assert second == "Not distinguishable from it: c."


def test_pages_say_it_too() -> None:
    records = [*RECORDS, *(fresh("better+good", 0.25, number) for number in range(1, 5))]
    seen: Any = view(HEADER, records, [])
    for written in (markdown.render(seen, []), html.render(seen, {}, None)):
        assert "it takes 0.25 [0.24, 0.26] of stock" in written
        assert "confirmed in 4 fresh rounds" in written
        assert "Not distinguishable from it: better." in written
        assert "The smallest of these is better, with 1 optimization instead of 2." in written
