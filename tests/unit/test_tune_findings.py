from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from made_up import HEADER, MIB, RECORDS

from harness.analyse.compare import compare
from harness.analyse.f1 import ScoreDifference
from harness.analyse.rows import Row
from harness.data.dataset import Example
from harness.errors import InputError
from harness.record import STOCK, Memory
from harness.tune.findings import excess, findings, front, values
from harness.tune.texts import split

ROWS = {row.combination: row for row in compare(HEADER, RECORDS)[0]}


def row(name: str, mib: float, start: float) -> Row:
    """One of the made-up run, with other figures."""
    found = ROWS[name]
    began = found.starts[0].__class__(imports_ns=0, weights_ns=0, first_call_ns=round(start * 1e9))
    return replace(found, memory=Memory(1, rss_serving_peak_bytes=round(mib * MIB)), starts=(began,))


def names(rows: list[Row]) -> list[str]:
    return [one.combination for one in rows]


def test_the_front_is_what_no_other_beats_in_all_three() -> None:
    # They take 4, 1, 0.5 and 0.25 of stock's time.
    slow, stock, good, better = (ROWS[name] for name in ("baseline", STOCK, "good", "better"))
    assert names(front([slow, stock, good, better])) == ["better"], "all else is the same"
    assert names(front([row("good", 100, 1), row("better", 200, 1)])) == ["better", "good"]
    assert names(front([row("good", 200, 0.5), row("better", 200, 1)])) == ["better", "good"]
    assert names(front([row("good", 200, 1), row("better", 200, 1), row("baseline", 199, 2)])) == ["better", "baseline"]
    assert names(front([row("good", 200, 1), row("good", 200, 1)])) == ["good", "good"], "equals stay"
    assert front([replace(good, memory=None)]) == []


def test_candidates_keep_answers_and_constraints_the_fastest_first() -> None:
    rows = [row(STOCK, 300, 1), row("good", 200, 1), row("better", 500, 1), row("wrong", 100, 1)]
    found = findings(rows, {}, None)
    assert names(list(found.candidates)) == ["better", "good"]
    assert "gives other answers on 1 of 50 texts" in found.refused["wrong"]
    assert "wrong" not in names(list(found.front))
    kept = findings(rows, {"max_rss": 400 * MIB}, None)
    assert names(list(kept.candidates)) == ["good"]
    assert kept.nearest is None


def test_where_nothing_keeps_the_constraints_the_least_excess_is_nearest() -> None:
    rows = [row(STOCK, 300, 1), row("good", 200, 9), row("better", 500, 2)]
    limits = {"max_rss": 100 * MIB, "max_cold_start": 1e9}
    found = findings(rows, limits, None)
    assert list(found.candidates) == []
    assert found.nearest is not None
    assert found.nearest.combination == "better", "4 times too big, and not 8 times too slow"
    assert excess(rows[1], limits) == {"max_rss": 1.0, "max_cold_start": 8.0}
    assert excess(replace(rows[1], memory=None), limits)["max_rss"] == 1.0


def test_a_limit_on_what_was_not_measured_is_kept_by_nothing() -> None:
    found = findings([ROWS[STOCK], ROWS["good"]], {"max_vram": 1e9}, None)
    assert list(found.candidates) == []


def test_inexact_ones_take_part_only_with_a_margin_that_they_are_shown_to_keep() -> None:
    sure = replace(ROWS["inexact"], f1_difference=ScoreDifference(-0.001, -0.004, 0.002))
    unsure = replace(ROWS["inexact"], f1_difference=ScoreDifference(-0.001, -0.006, 0.004))
    rows = [ROWS[STOCK], ROWS["good"]]
    assert names(list(findings([*rows, sure], {}, None).candidates)) == ["good"]
    assert names(list(findings([*rows, sure], {}, 0.5).candidates)) == ["inexact", "good"]
    found = findings([*rows, unsure], {}, 0.5)
    assert names(list(found.candidates)) == ["good"]
    assert found.refused["inexact"] == "may lose up to 0.6 points of F1"


def test_objectives_are_time_memory_and_cold_start() -> None:
    assert values(row("good", 200, 3)) == pytest.approx((0.5, 200 * MIB, 3e9))


def texts(lengths: list[int]) -> list[Example]:
    return [Example(str(i), "字" * length, {"类型": None}) for i, length in enumerate(lengths)]


def test_texts_are_split_in_halves_alike_in_length() -> None:
    lengths = list(range(10, 34))
    Random(0).shuffle(lengths)
    examples = texts(lengths)
    searched, kept_back = split(examples)
    assert len(searched) == len(kept_back) == 12
    assert sorted((*searched, *kept_back), key=lambda one: int(one.id)) == examples
    assert [one for one in examples if one in searched] == list(searched), "in their own order"
    total = [sum(len(one.text) for one in part) for part in (searched, kept_back)]
    assert total[0] == total[1]


def test_the_same_text_is_never_on_both_sides() -> None:
    searched, kept_back = split(texts([5, 5, 7, 9, 9, 9]))
    assert not {one.text for one in searched} & {one.text for one in kept_back}
    assert len(searched) + len(kept_back) == 6
    with pytest.raises(InputError, match="at least two different texts"):
        split(texts([5, 5]))
