from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from harness.errors import SuiteError
from harness.plan.cells import Planned, plan_cells
from harness.plan.combination import parse, write
from harness.plan.registry import find_optimizations
from harness.plan.suite import Combinations, Measure, Suite, Texts
from harness.record import Cell, Scenario

OURS = find_optimizations()
# a, b, c and d: ours under other names, so that each design is short to write; only d is in an earlier stage.
REGISTRY = {name: replace(OURS["dynamic_truncation"], name=name) for name in "abc"} | {
    "d": replace(OURS["flash_attention"], name="d", keeps_answers=lambda _: False, conflicts=("c",)),
    "needy": replace(OURS["flash_attention"], name="needy", requires=("pytest", "no-such-distribution")),
}


def planned(design: str, *optimizations: str, include: list[str] | None = None) -> list[Planned]:
    combinations = Combinations(design, list(optimizations), include or [])
    suite = Suite(Texts(["article", "business/test"]), combinations, Measure(("single_stream",)))
    return plan_cells(suite, REGISTRY, "cpu")


def names(design: str, *optimizations: str, include: list[str] | None = None) -> list[str]:
    return [one.combination for one in planned(design, *optimizations, include=include)]


@pytest.mark.parametrize(
    ("design", "combinations"),
    [
        ("one_at_a_time", ["a", "b", "c"]),
        ("ladder", ["a", "a+b", "a+b+c"]),
        ("leave_one_out", ["a+b+c", "b+c", "a+c", "a+b"]),
        ("full", ["a", "b", "c", "a+b", "a+c", "b+c", "a+b+c"]),
        ("explicit", []),
    ],
)
def test_a_design_gives_its_combinations_after_baseline_and_stock(design: str, combinations: list[str]) -> None:
    assert names(design, "a", "b", "c") == ["baseline", "stock", *combinations]


@pytest.mark.parametrize("design", ["one_at_a_time", "ladder", "leave_one_out", "full", "explicit"])
def test_a_design_of_nothing_is_baseline_and_stock(design: str) -> None:
    assert names(design) == ["baseline", "stock"]


@pytest.mark.parametrize("design", ["one_at_a_time", "ladder", "leave_one_out", "full"])
def test_a_design_of_one_holds_it_once(design: str) -> None:
    assert names(design, "a") == ["baseline", "stock", "a"]


def test_included_combinations_come_last_and_only_once() -> None:
    include = ["b+a", "a + b", "a(multiple=16)", "baseline", "stock", "a"]
    rows = names("one_at_a_time", "a", "b", include=include)
    assert rows == ["baseline", "stock", "a", "b", "a+b", "a(multiple=16)"]


def test_combinations_are_in_stage_order_in_whichever_the_suite_has_them() -> None:
    assert names("ladder", "b", "a", "d") == ["baseline", "stock", "b", "a+b", "d+a+b"]


def test_an_optimization_may_be_planned_with_parameters() -> None:
    assert names("full", "a(multiple=16)", "d")[2:] == ["a(multiple=16)", "d", "d+a(multiple=16)"]


def test_what_is_planned_can_be_read_again() -> None:
    _, _, *designed = names("full", "a(multiple=16)", "b", "d")
    assert [write(parse(name, REGISTRY)) for name in designed] == designed


def test_every_combination_has_a_cell_for_each_scenario() -> None:
    suite = Suite(Texts(["article", "business/test"]))
    baseline, stock = plan_cells(suite, REGISTRY, "cuda:1")
    scenarios: tuple[Scenario, ...] = ("single_stream", "cold_start")
    for one in (baseline, stock):
        assert one.cells == tuple(Cell(one.combination, name, "article+business/test", "cuda:1") for name in scenarios)


def test_a_closed_loop_has_a_cell_for_each_number_of_clients() -> None:
    measure = Measure(scenarios=("closed_loop", "offline"), clients=(1, 4))
    (baseline, *_) = plan_cells(Suite(Texts(["article"]), measure=measure), REGISTRY, "cpu")
    assert [(cell.scenario, cell.clients) for cell in baseline.cells] == [
        ("closed_loop", 1),
        ("closed_loop", 4),
        ("offline", 1),
    ]


def test_a_combination_is_exact_if_all_of_it_is() -> None:
    exact = [one.combination for one in planned("full", "a", "d") if one.exact]
    assert exact == ["baseline", "stock", "a"]


def test_a_conflict_inside_a_design_is_a_reason_not_to_run() -> None:
    reasons = {one.combination: one.reason for one in planned("full", "c", "d") if one.reason}
    assert reasons == {"d+c": "d conflicts with c"}


def test_a_conflict_in_an_included_combination_is_refused() -> None:
    with pytest.raises(SuiteError, match=r"combination 'c\+d': d conflicts with c; take one of them out"):
        planned("explicit", include=["c+d"])


def test_a_distribution_that_is_missing_is_a_reason_not_to_run() -> None:
    found = {one.combination: one.reason or "" for one in planned("one_at_a_time", "a", "needy")}
    assert found["a"] == ""
    assert "needy needs the distribution 'no-such-distribution'" in found["needy"]


@pytest.mark.parametrize("place", ["optimizations", "include"])
def test_an_unknown_optimization_is_refused_with_the_near_one(place: str) -> None:
    combinations = msgspec.convert({"design": "explicit", place: ["flash_atention"]}, Combinations)
    with pytest.raises(SuiteError, match="did you mean 'flash_attention'"):
        plan_cells(Suite(Texts(["article"]), combinations), OURS, "cpu")


@pytest.mark.parametrize("design", ["ladder", "leave_one_out", "full"])
@pytest.mark.parametrize("again", ["a", "a(multiple=16)"])
def test_an_optimization_listed_twice_is_not_combined_with_itself(design: str, again: str) -> None:
    for one in planned(design, "a", again):
        assert one.reason or parse(one.combination, REGISTRY) is not None


def of_fraction(fraction: str | None, *optimizations: str) -> list[str]:
    combinations = Combinations("fraction", list(optimizations), fraction=fraction)
    return [one.combination for one in plan_cells(Suite(Texts(["article"]), combinations), REGISTRY, "cpu")]


def test_a_fraction_switches_one_by_the_product_of_others() -> None:
    assert of_fraction("a b ab", "a", "b", "c") == ["baseline", "stock", "c", "b", "a", "a+b+c"]
    half = of_fraction("a b abc c", "a", "b", "c", "d")
    assert len(half) == 2 + 7  # of eight, one is the baseline


@pytest.mark.parametrize(
    ("fraction", "said"),
    [
        (None, "has 0 words for 3 optimizations"),
        ("a b", "has 2 words for 3 optimizations"),
        ("a b x", "is not a valid design"),
        ("a b a1", "is not a valid design"),
    ],
)
def test_a_fraction_that_is_none_is_named(fraction: str | None, said: str) -> None:
    with pytest.raises(SuiteError, match=said):
        of_fraction(fraction, "a", "b", "c")


def test_a_fraction_for_another_design_is_named() -> None:
    suite = Suite(Texts(["article"]), Combinations("full", ["a", "b"], fraction="a b"))
    with pytest.raises(SuiteError, match="take it out"):
        plan_cells(suite, REGISTRY, "cpu")


def test_designs_can_be_put_together() -> None:
    suite = Suite(Texts(["article"]), Combinations(["one_at_a_time", "leave_one_out"], ["a", "b"]))
    assert [one.combination for one in plan_cells(suite, REGISTRY, "cpu")] == ["baseline", "stock", "a", "b", "a+b"]


def test_a_scenario_may_be_for_some_combinations_only() -> None:
    measure = Measure(("single_stream", "closed_loop"), only={"closed_loop": ["baseline", "a+*"]})
    suite = Suite(Texts(["article"]), Combinations("ladder", ["a", "b"]), measure)
    scenarios = {one.combination: [cell.scenario for cell in one.cells] for one in plan_cells(suite, REGISTRY, "cpu")}
    both = ["single_stream", "closed_loop"]
    assert scenarios == {"baseline": both, "stock": both[:1], "a": both[:1], "a+b": both}


def test_a_scenario_for_a_combination_that_is_not_there_is_refused() -> None:
    suite = Suite(Texts(["article"]), Combinations("ladder", ["a"]), Measure(only={"closed_loop": ["baselin"]}))
    with pytest.raises(SuiteError, match="unknown combination 'baselin'; did you mean 'baseline'"):
        plan_cells(suite, REGISTRY, "cpu")
