from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_advice import OTHERS, row

from harness.analyse.f1 import ScoreDifference
from harness.analyse.percentiles import Percentile
from harness.analyse.recommend import MAINS, OBJECTIVES, Constraints, determines, recommend
from harness.analyse.rows import Row, Throughput
from harness.analyse.stats import Spread
from harness.cli.recommend import Best
from harness.deploy import Deployment, find_deployment, write_deployment
from harness.errors import InputError
from harness.figures import Objective
from harness.plan.short_forms import short_forms
from harness.record import Difference
from harness.report.advice import _CLEARLY
from harness.report.recommend import _BETTER, lines
from harness.report.table import forms_of
from harness.units import parse_bytes, parse_duration

GIB = 1 << 30
FREE = Constraints()


def slow(one: Row, p95_ns: float) -> Row:
    assert one.latency is not None
    percentiles = {**one.latency.percentiles, 0.95: Percentile(p95_ns, 0.95 * p95_ns, 1.05 * p95_ns)}
    return replace(one, latency=replace(one.latency, percentiles=percentiles))


def inexact(one: Row, low: float) -> Row:
    return replace(one, exact=False, f1_difference=ScoreDifference(low + 0.01, low, low + 0.02))


ROWS = [
    replace(one, starts=one.starts * 4)
    for one in (
        *OTHERS,
        slow(row("a", 0.8, memory=GIB - 1), 5e8),
        slow(row("b", 0.6, memory=2 * GIB), 9e8),
        inexact(slow(row("int8", 0.4, memory=GIB // 2), 4e8), -0.02),
    )
]


BY_MEMORY = [*ROWS[:2], row("a", 8, memory=GIB // 2), ROWS[3]]


def best(constraints: Constraints = FREE, objective: Objective = "time", rows: list[Row] = ROWS) -> str | None:
    found = recommend(rows, constraints, objective).best
    return found.combination if found else None


def test_the_fastest_exact_combination_is_taken() -> None:
    assert best() == "b"


@pytest.mark.parametrize(
    ("constraints", "expected"),
    [
        (Constraints({"max_rss": 1.5 * GIB}), "a"),
        (Constraints({"max_p95": 8e8}), "a"),
        (Constraints({"max_cold_start": 2e9}), "b"),
        (Constraints({"max_cold_start": 0.9e9}), None),
        (Constraints(min_f1_delta=-3.0), "int8"),
        (Constraints(min_f1_delta=-1.0), "b"),
        (Constraints({"max_rss": 0.9 * GIB}), None),
        (Constraints({"max_rss": 0.9 * GIB}, min_f1_delta=-3.0), "int8"),
    ],
)
def test_constraints_are_kept(constraints: Constraints, expected: str | None) -> None:
    assert best(constraints) == expected


@pytest.mark.parametrize(("objective", "expected"), [("memory", "a"), ("p95", "stock"), ("time", "b")])
def test_the_objective_decides(objective: Objective, expected: str) -> None:
    assert best(objective=objective, rows=BY_MEMORY if objective == "memory" else ROWS) == expected


def test_every_objective_can_be_asked_for_and_has_its_words() -> None:
    objectives = set(get_args(Objective))
    assert set(OBJECTIVES) == {one.value for one in Best} == set(_BETTER) == objectives
    assert set(_CLEARLY) == set(MAINS) - {"time"}


def said(rows: list[Row], constraints: Constraints = FREE, objective: Objective = "time") -> list[str]:
    return list(lines(recommend(rows, constraints, objective), constraints, forms_of(rows)))


def test_stock_stands_where_nothing_is_clearly_faster() -> None:
    first, second, *_ = said([*OTHERS, row("a", 1.09), row("b", 8.0)])
    assert (
        first == "Switch on nothing: stock keeps the constraints, and no combination that keeps them is clearly faster."
    )
    assert second.startswith("Next best: a, 1.09")
    assert "slower than stock" in second
    assert "not clearly faster than stock" in said([*OTHERS, row("a", 0.98)])[1]
    assert said([*OTHERS, row("a", 0.8)])[1].startswith("Next best: stock, nothing switched on")
    assert "clearly smaller in memory" in said(ROWS[:3], objective="memory")[0]
    assert "clearly better in P95" in said(ROWS, objective="p95")[0]


def test_where_stock_breaks_a_constraint_the_best_that_keeps_them_is_named_though_slower() -> None:
    first, second, *rest = said([*OTHERS, row("a", 8.0, memory=GIB // 2)], Constraints({"max_rss": 0.9 * GIB}))
    assert first.startswith("Switch on a: 8.00")
    assert "of stock's time, slower than stock" in first
    assert second == "Stock is not shown to keep the constraints: its host memory, 1.00 GiB, is not at most 922 MiB."
    assert "it would be stock: nothing switched on" in rest[0]


def test_all_reasons_are_said_with_their_figures() -> None:
    constraints = Constraints({"max_rss": GIB // 4, "max_p95": 1e8})
    refused = recommend(ROWS, constraints).refused
    p95 = "its P95, 500 ms [475 ms, 525 ms], is not at most 100 ms"
    assert refused["a"] == f"its host memory, 1024 MiB, is not at most 256 MiB; {p95}"
    assert refused["int8"].startswith("may change answers; its host memory, 512 MiB, is not at most 256 MiB; its P95, ")


def test_a_limit_is_kept_by_the_interval_and_not_by_the_value() -> None:
    at_most = {"max_p95": 5.1e8}
    assert best(Constraints(at_most)) == "stock"
    why = "its P95, 500 ms [475 ms, 525 ms], is not shown to be at most 510 ms"
    assert recommend(ROWS, Constraints(at_most)).refused["a"] == why
    assert best(Constraints({"max_p95": 5.3e8})) == "a"


def test_where_a_limit_cannot_be_judged_it_says_what_that_takes() -> None:
    """As after one round of 24 texts, with one cold start."""
    lacks = "4 rounds (not 1) and 93 distinct texts (not 24)"
    rows = []
    for one in ROWS:
        assert one.latency is not None
        of_requests = {**one.latency.percentiles, 0.95: Percentile(1e8, lacks=lacks)}
        rows.append(replace(one, starts=one.starts[:1], latency=replace(one.latency, percentiles=of_requests)))
    written = said(rows, Constraints({"max_p95": 8e8}))
    assert written[0] == "None: no combination of this run is shown to keep the constraints."
    assert f"  not a: its P95, 100 ms, is not shown to be at most 800 ms, which needs {lacks}" in written
    assert any(line.startswith("Without --max-p95 800 ms it would be b") for line in written)
    assert "which needs 4 starts (not 1)" in recommend(rows, Constraints({"max_cold_start": 5e9})).refused["a"]
    assert not determines(rows, "max_p95", 8e8)
    assert determines(ROWS, "max_p95", 8e8)


@pytest.mark.parametrize("delta", [0.1, float("nan")])
def test_a_gain_in_f1_is_no_margin(delta: float) -> None:
    with pytest.raises(InputError, match="is not a loss; write the points of F1"):
        Constraints(min_f1_delta=delta)


def test_the_most_requests_a_second_win() -> None:
    rate = Throughput("closed_loop", 3, 5.0, Spread(0.0).estimate(0.0, 0.0), None, None)
    loaded = [replace(one, loads=(replace(rate, per_second=n),)) for n, one in enumerate(ROWS[2:4], 1)]
    assert best(objective="qps", rows=[*ROWS[:2], *loaded]) == "stock"
    twice = replace(rate, per_second=2, to_stock=Spread(0.0).estimate(math.log(2), 0.0))
    assert best(objective="qps", rows=[*ROWS[:2], loaded[0], replace(loaded[1], loads=(twice,))]) == "b"


def test_a_rate_has_to_be_reached_and_what_has_none_does_not_keep_it() -> None:
    rate = Throughput("closed_loop", 3, 5.0, Spread(0.0).estimate(0.0, 0.0), None, None, (4.9, 5.0, 5.0, 5.1))
    rows = [*ROWS[:2], replace(ROWS[2], loads=(rate,)), replace(ROWS[3], loads=(replace(rate, per_second=4),))]
    constraints = Constraints({"min_qps": 4.5})
    assert best(constraints, rows=rows) == "a"
    written = said(rows, constraints)
    assert "Stock is not shown to keep the constraints: its QPS was not measured." in written
    assert any(line.startswith("  not b: its QPS, 4 requests/s [3.") for line in written)
    assert any(line.endswith("], is not at least 4.5 requests/s") for line in written)
    assert any(line.startswith("Without --min-qps 4.5 requests/s it would be b") for line in written)


def test_what_each_constraint_costs_is_said() -> None:
    constraints = Constraints({"max_rss": 1.5 * GIB, "max_p95": 8e8})
    found = recommend(ROWS, constraints)
    assert found.without == {}  # either alone keeps b out
    found = recommend(ROWS, Constraints({"max_rss": 1.5 * GIB, "max_p95": 10e8}))
    assert {name: one.combination for name, one in found.without.items()} == {"max_rss": "b"}
    written = "\n".join(lines(found, Constraints({"max_rss": 1.5 * GIB, "max_p95": 10e8}), short_forms([])))
    assert "Switch on a: 0.80" in written
    assert "Without --max-rss 1.50 GiB it would be b: 0.60" in written
    assert "not b: its host memory, 2.00 GiB, is not at most 1.50 GiB" in written
    assert "not int8: may change answers" in written


def test_none_is_said_where_none_keeps_them() -> None:
    constraints = Constraints({"max_rss": 1.0})
    found = recommend(ROWS, constraints)
    assert found.best is None
    assert next(lines(found, constraints, short_forms([]))).startswith("None: no combination")
    assert found.without["max_rss"].combination == "b"


def test_other_answers_are_never_taken() -> None:
    wrong = replace(ROWS[3], broken=(Difference("t", tie=False, expected=[], got=[]),))
    assert best(rows=[*ROWS[:3], wrong]) == "a"
    assert recommend([*ROWS[:3], wrong], FREE).refused["b"] == "gives other answers on 1 of 24 texts"


def test_what_the_run_did_not_measure_is_no_constraint() -> None:
    with pytest.raises(InputError, match=r"did not measure memory on a device \(it ran on a CPU\)"):
        best(Constraints({"max_vram": GIB}))
    with pytest.raises(InputError, match=r"did not measure P99 \(it needs 473 requests of a combination\)"):
        best(Constraints({"max_p99": 8e8}))
    with pytest.raises(InputError, match="did not measure qps; choose another objective"):
        best(objective="qps")


@given(st.sampled_from(["baseline", "a+b", 'x(text="甲, 乙")']), st.sampled_from([None, "mini", "/a b/模型"]))
def test_a_combination_file_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, combination: str, checkpoint: str | None
) -> None:
    file = tmp_path_factory.mktemp("deploy") / "combination.toml"
    written = Deployment(combination, checkpoint, "cpu", ["mine.py"])
    write_deployment(file, written, "a remark")
    assert find_deployment(str(file)) == written
    assert find_deployment(combination) == Deployment(combination)


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    file = tmp_path / "suite.toml"
    file.write_text('[texts]\ndatasets = ["article"]\n')
    for path in (file, tmp_path / "gone.toml"):
        with pytest.raises(InputError, match="is not a combination file"):
            find_deployment(str(path))


@pytest.mark.parametrize(
    ("written", "bytes_"), [("2GiB", 2 * GIB), ("512 MiB", GIB // 2), ("2gb", 2 * 10**9), ("4096B", 4096)]
)
def test_sizes_have_units(written: str, bytes_: int) -> None:
    assert parse_bytes(written) == bytes_


@pytest.mark.parametrize("written", ["2", "800ms", "GiB", "0MiB", "-1GiB"])
def test_what_is_no_size_is_named(written: str) -> None:
    with pytest.raises(InputError, match="is not a size; write 512MiB, 2GiB or 2GB"):
        parse_bytes(written)


def test_milliseconds_are_a_duration() -> None:
    assert parse_duration("800ms") == pytest.approx(0.8)


@pytest.mark.parametrize("written", ["500", "2GiB", "0s", "-1s", "s", "1 h 5"])
def test_what_is_no_duration_is_named(written: str) -> None:
    with pytest.raises(InputError, match=r"is not a duration; write 800ms, 90s, 45m or 1\.5h"):
        parse_duration(written)
