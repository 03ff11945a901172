from __future__ import annotations

import math
import random
from collections.abc import Sequence

import pytest
from made_up import HEADER, RECORDS
from msgspec.structs import replace

from harness.analyse.baselines import F1_DIGITS
from harness.analyse.compare import NOT_RUN
from harness.analyse.entries import Entry, entries, partners
from harness.analyse.gate import Against, Finding, judge, matching
from harness.analyse.rules import Rule
from harness.analyse.shifts import Shifts
from harness.analyse.verdict import outcome
from harness.errors import InputError
from harness.gate.rounds import GateRounds
from harness.plan.cells import Planned
from harness.record import Cell, ColdStart, Failed, Measured, Record, Skipped

MIB = 1 << 20
LATENCY = Rule("latency_ratio", max_increase="5%")


def entry(name: str = "a", **changes: object) -> Entry:
    found = Entry(
        name, exact=True, problem=None, time=[0.0] * 8, p95=[0.0] * 8, qps=[0.0] * 8, f1=80.0, rss_bytes=300 * MIB
    )
    return replace(found, **changes)


def judged(rules: Sequence[Rule], new: Sequence[Entry], old: Sequence[Entry], **changes: object) -> list[Finding]:
    ours, theirs = ({one.combination: one for one in side} for side in (new, old))
    against = Against(theirs, "HEAD", **{"paired": True, **changes})  # type: ignore[arg-type]
    return judge(rules, ours, against, Shifts(ours, theirs, paired=against.paired, assumed_sd=0.025))


def verdict(rule: Rule, new: Entry, old: Entry | None = None, **changes: object) -> str:
    (found,) = judged([rule], [new], [old or entry()], **changes)
    return found.verdict


@pytest.mark.parametrize(
    ("slowdown", "rounds", "expected"),
    [(0.0, 8, "pass"), (0.10, 8, "fail"), (0.05, 8, "inconclusive"), (0.0, 1, "inconclusive"), (-0.2, 8, "pass")],
)
def test_a_timed_rule_needs_its_whole_interval_on_one_side(slowdown: float, rounds: int, expected: str) -> None:
    shift = math.log(1 + slowdown)
    assert verdict(LATENCY, entry(time=[shift] * rounds)) == expected


def test_a_rate_falls_where_times_under_load_rise() -> None:
    rule = Rule("qps", max_decrease="5%")
    noise = [0.001, -0.001] * 4
    for shift, expected in ((0.0, "pass"), (-math.log(0.90), "fail"), (math.log(0.90), "pass")):
        (found,) = judged([rule], [entry(qps=[shift + one for one in noise])], [entry()])
        assert found.verdict == expected
    assert found.says.startswith("1.111 ")


def test_a_figure_with_a_spread_of_its_own_needs_four_rounds() -> None:
    rule = Rule("p95_ratio", max_increase="5%")
    assert verdict(rule, entry(p95=[0.3, 0.3, 0.3])) == "inconclusive"
    assert verdict(rule, entry(p95=[0.3, 0.31, 0.3, 0.29])) == "fail"
    (few,) = judged([rule], [entry(p95=[])], [entry()])
    assert (few.verdict, few.says) == ("skipped", "a P95 over texts needs 14 texts")
    assert verdict(rule, entry(p95=[], time=[])) == "skipped"


def test_cold_starts_are_compared_by_their_own_spread() -> None:
    rule = Rule("cold_start", max_increase="10%")
    old = entry(starts_ns=[10**9, 10**9 + 10**6, 10**9, 10**9 - 10**6])
    for factor, expected in ((1.0, "pass"), (1.3, "fail")):
        assert verdict(rule, entry(starts_ns=[round(ns * factor) for ns in old.starts_ns]), old) == expected
    assert verdict(rule, entry(starts_ns=old.starts_ns[:3]), old) == "inconclusive"
    assert verdict(rule, entry(), old) == "skipped"


def test_cold_starts_of_another_day_are_held_against_those_of_stock() -> None:
    rule, then = Rule("cold_start", max_increase="10%"), [10**9, 10**9 + 10**6, 10**9, 10**9 - 10**6]
    slower_day = [2 * ns for ns in then]
    old = entry(starts_ns=then, stock_starts_ns=then)
    assert verdict(rule, entry(starts_ns=slower_day, stock_starts_ns=slower_day), old, paired=False) == "pass"
    assert verdict(rule, entry(starts_ns=slower_day, stock_starts_ns=then), old, paired=False) == "fail"
    assert verdict(rule, entry(starts_ns=slower_day), old, paired=False) == "skipped"


@pytest.mark.parametrize(
    ("rule", "kept", "missed", "unsure"),
    [
        (
            Rule("p95", max="1s"),
            {"p95_ns": 9e8, "p95_ends_ns": [8e8, 9.9e8]},
            {"p95_ns": 2e9, "p95_ends_ns": [1.1e9, 3e9]},
            {"p95_ns": 9e8, "p95_ends_ns": [8e8, 1.1e9]},
        ),
        (
            Rule("qps", min=20),
            {"rate": 25.0, "rate_ends": [21.0, 29.0]},
            {"rate": 15.0, "rate_ends": [11.0, 19.0]},
            {"rate": 25.0, "rate_ends": [19.0, 31.0]},
        ),
        (
            Rule("cold_start", max="3s"),
            {"starts_ns": [2 * 10**9, 2 * 10**9 + 1] * 2},
            {"starts_ns": [4 * 10**9, 4 * 10**9 + 1] * 2},
            {"starts_ns": [2 * 10**9, 3 * 10**9] * 2},
        ),
    ],
)
def test_a_limit_of_a_value_needs_its_whole_interval_on_one_side(
    rule: Rule, kept: dict[str, object], missed: dict[str, object], unsure: dict[str, object]
) -> None:
    for changes, expected in ((kept, "pass"), (missed, "fail"), (unsure, "inconclusive"), ({"time": []}, "skipped")):
        (found,) = judged([rule], [entry(**changes)], [entry()])
        assert (found.verdict, found.timed) == (expected, expected != "skipped")
    assert verdict(Rule("p95", max="1s"), entry()) == "inconclusive"  # too few requests so far
    assert verdict(Rule("p95", max="1s"), entry(p95_ns=9e8)) == "inconclusive"  # too few rounds or texts


def test_against_a_baseline_both_ratios_to_stock_have_their_errors_and_what_runs_differ_by() -> None:
    moved = entry(time=[0.5 + math.log(1.2)] * 8)
    assert verdict(LATENCY, moved, entry(time=[0.5] * 8), paired=False) == "fail"
    assert verdict(LATENCY, moved, entry(time=[0.5]), paired=False) == "inconclusive"
    assert verdict(LATENCY, moved, entry(time=[]), paired=False) == "skipped"
    less = [math.log(1.10)] * 8
    assert verdict(LATENCY, entry(time=less), paired=False) == "inconclusive"
    assert verdict(LATENCY, entry(time=less), paired=True) == "fail"  # both are of one run


def test_of_many_rules_a_failure_by_chance_is_no_failure() -> None:
    # One in 200 by chance: under a single rule's level, over that of one of forty.
    noise = [0.025, -0.025] * 4
    chance = math.log(1.05) + 2.9 * 0.0267 / math.sqrt(8)
    slow = [chance + one for one in noise]
    assert verdict(LATENCY, entry(time=slow)) == "fail"
    cells = [entry("a", time=slow), *(entry(f"b{i}", time=noise) for i in range(40))]
    found = judged([LATENCY], cells, [entry(one.combination) for one in cells])
    assert [one.verdict for one in found] == ["inconclusive", *["pass"] * 40]


def test_memory_may_grow_by_a_share_an_amount_or_up_to_a_limit() -> None:
    grown = entry(rss_bytes=364 * MIB)
    for limits, expected in (
        ({"max_increase": "5%"}, "fail"),
        ({"max_increase": "25%"}, "pass"),
        ({"max_increase": "63MiB"}, "fail"),
        ({"max_increase": "64MiB"}, "pass"),
        ({"max": "363MiB"}, "fail"),
        ({"max": "364MiB"}, "pass"),
    ):
        assert verdict(Rule("peak_rss_bytes", **limits), grown) == expected  # type: ignore[arg-type]
    assert verdict(Rule("peak_vram_bytes", max_increase="5%"), grown) == "skipped"


def test_parity_names_the_texts() -> None:
    (found,) = judged([Rule("parity")], [entry(differs=["t:7"])], [entry()])
    assert (found.verdict, found.says) == ("fail", "other answers on 1 text: t:7")
    assert verdict(Rule("parity"), entry()) == "pass"
    # Against a baseline: what the baseline extractor answers otherwise; of inexact ones what did not differ before.
    assert verdict(Rule("parity"), entry(), paired=False, changed=["t:1"]) == "fail"
    loose = entry(exact=False, differs=["t:7"])
    assert verdict(Rule("parity"), loose, entry(differs=["t:7"]), paired=False, changed=["t:1"]) == "pass"
    assert verdict(Rule("parity"), loose, entry(), paired=False) == "fail"


def test_f1_is_in_points() -> None:
    rule = Rule("f1_drop", max=0.5)
    assert verdict(rule, entry(f1=79.5)) == "pass"
    assert verdict(rule, entry(f1=79.4)) == "fail"
    assert verdict(rule, entry(f1=None)) == "skipped"


def test_the_rounding_of_a_committed_f1_is_no_drop() -> None:
    f1 = 100 * 26 / 27.5  # 94.545454...
    committed = entry(f1=round(f1, F1_DIGITS))
    assert verdict(Rule("f1_drop", max=0.0), entry(f1=f1), committed) == "pass"
    assert verdict(Rule("f1_drop", max=0.0), entry(f1=f1 - 0.001), committed) == "fail"


def test_on_another_device_times_are_skipped_with_the_reason_and_answers_judged() -> None:
    rules = [LATENCY, Rule("p95", max="1s"), Rule("parity"), Rule("peak_rss_bytes", max_increase="5%")]
    slow = entry(time=[1.0] * 8, p95_ns=2e9, p95_ends_ns=[1.9e9, 2.1e9], differs=["t:7"])
    found = judged(rules, [slow], [entry()], paired=False, no_ratios="another device", no_times="another device")
    assert [one.verdict for one in found] == ["skipped", "skipped", "fail", "pass"]
    assert found[0].says == "another device"
    assert verdict(Rule("p95", max="1s"), slow) == "fail"


def test_combinations_that_are_gone_new_or_broken_are_never_silent() -> None:
    broken = entry("c", problem="failed (crash) in round 0: boom")
    absent = entry("d", problem="skipped: no flash")
    worse, late = entry("e", problem="failed (crash) in round 0: boom"), entry("f", problem=NOT_RUN)
    hopeless = entry("g", problem="failed (crash) in round 0: boom")
    found = judged(
        [Rule("parity")],
        [entry("a"), broken, absent, worse, late, hopeless, entry("new")],
        [entry("a"), entry("b"), entry("c"), absent, replace(absent, combination="e"), entry("f"), hopeless],
    )
    of = {one.cell: one for one in found if one.rule == "cells"}
    assert {name: one.verdict for name, one in of.items()} == {
        "b": "fail",
        "c": "fail",
        "d": "skipped",
        "e": "fail",
        "f": "inconclusive",
        "g": "skipped",
        "new": "skipped",
    }
    assert "Was it renamed" in of["b"].says
    assert "New here: new" in of["b"].says
    assert "boom" in of["c"].says
    assert outcome(found) == "fail"


def test_a_rule_about_nothing_is_a_mistake() -> None:
    with pytest.raises(InputError, match="unknown cell 'batchin'; did you mean 'batching'"):
        judged([Rule("parity", cell="batchin")], [entry("batching")], [entry("batching")])


def test_a_combination_is_named_in_any_order() -> None:
    names = ["torchscript", "batching", "torchscript+batching"]
    assert matching(Rule("parity", cell="batching+torchscript"), names) == ["torchscript+batching"]
    assert matching(Rule("parity", cell="*batching"), names) == ["batching", "torchscript+batching"]


def test_what_only_warns_decides_nothing() -> None:
    soft = Rule("latency_ratio", max_increase="5%", severity="warn")
    found = judged([soft], [entry(time=[1.0] * 8)], [entry()])
    assert (found[0].verdict, found[0].warns, outcome(found)) == ("fail", True, "pass")
    assert outcome([Finding("r", "c", "inconclusive", "")]) == "inconclusive"


def test_entries_hold_a_runs_figures() -> None:
    found = entries(HEADER, RECORDS)
    assert found["good"].time == pytest.approx([math.log(0.5)], abs=1e-6)
    assert found["good"].rss_bytes == 2048 * MIB
    assert found["good"].f1 == pytest.approx(80)
    assert found["wrong"].differs
    assert found["broken"].problem
    assert found["better"].qps[0] < 0


def test_the_other_side_of_a_round_has_a_problem_only_where_it_breaks_too() -> None:
    cell = Cell("a", "single_stream", "t", "cpu")
    for records, expected in (
        ([Failed(cell, 0, "crash", "boom")], None),
        ([Failed(cell, 0, "crash", "boom", other="failed (crash): boom")], "failed (crash): boom"),
        ([Skipped(cell, 0, "no flash", other=None)], None),
        ([Measured(cell_records("a", 0).cell, 0, ColdStart()), Failed(cell, 0, "other", "boom", "failed there")], "f"),
    ):
        found = partners(records)["a"].problem  # type: ignore[arg-type]
        assert found == expected or (found or "").startswith(expected or "-")


def cell_records(name: str, number: int, *, failed: bool = False) -> Record:
    cell = Cell(name, "cold_start", "t", "cpu")
    return Failed(cell, number, "crash", "boom") if failed else Measured(cell, number, ColdStart())


def drawn(rounds: GateRounds, *, failing: str = "") -> list[str]:
    records: list[Record] = []
    while (found := rounds.next(records)) is not None:
        name = found[0].combination
        records.append(cell_records(name, found[1], failed=name == failing))
    return [record.cell.combination for record in records]


PLAN = [Planned(name, exact=True, cells=()) for name in ("baseline", "a", "b")]


def test_rounds_go_on_where_a_rule_is_open() -> None:
    rounds = GateRounds(PLAN, {"a", "b"}, lambda _: {"a"}, random.Random(0), rounds=16)
    made = drawn(rounds)
    assert {name: made.count(name) for name in ("baseline", "a", "b")} == {"baseline": 1, "a": 16, "b": 4}
    ends = {one.combination: one.rule for one in rounds.ends([cell_records("a", i) for i in range(16)])}
    assert ends == {"baseline": "budget", "a": "rounds", "b": "decided"}


def test_a_look_at_others_rounds_may_open_a_rule_again() -> None:
    def open_now(records: Sequence[Record]) -> set[str]:
        count = sum(record.cell.combination == "a" for record in records)
        return {"a"} if count == 4 else {"b"} if count == 8 and len(records) < 21 else set()

    made = drawn(GateRounds(PLAN, {"a", "b"}, open_now, random.Random(0), rounds=16))
    assert {name: made.count(name) for name in ("a", "b")} == {"a": 8, "b": 16}


def test_rounds_end_at_the_budget_and_where_a_combination_fails() -> None:
    clock = iter(range(0, 1000, 10))
    rounds = GateRounds(PLAN, {"a"}, lambda _: {"a"}, random.Random(0), rounds=8, until=55.0, clock=lambda: next(clock))
    assert 0 < len(drawn(rounds)) < 10
    rounds = GateRounds(PLAN, {"a"}, lambda _: {"a"}, random.Random(0), rounds=8)
    assert drawn(rounds, failing="a").count("a") == 2
