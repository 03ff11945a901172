from __future__ import annotations

from itertools import count

import pytest

from harness.errors import SuiteError
from harness.measure.latency import ClockError, single_stream
from harness.plan.cells import plan_cells
from harness.plan.registry import find_optimizations
from harness.plan.suite import Combinations, Measure, Suite, Targets, Texts
from harness.run.design import check_effects, untold

STREAM = Measure(scenarios=("single_stream",))
SIX = [
    "torchscript",
    "flash_attention",
    "dynamic_truncation",
    "batching",
    "segmented_forward",
    "lean_startup",
]


def check(design: str, effects: str, fraction: str | None = None) -> None:
    combinations = Combinations(design, SIX, fraction=fraction, effects=effects)  # type: ignore[arg-type]
    suite = Suite(Texts(["article"]), combinations, Measure())
    check_effects(suite, plan_cells(suite, find_optimizations(), "cpu"))


@pytest.mark.parametrize(
    ("design", "effects", "fraction"),
    [
        ("full", "pairs", None),
        ("fraction", "pairs", "a b c d e abcde"),
        ("fraction", "main", "a b c d abc bcd"),
    ],
)
def test_a_design_that_can_tell_what_is_asked_for_is_taken(design: str, effects: str, fraction: str | None) -> None:
    check(design, effects, fraction)


@pytest.mark.parametrize(
    ("design", "effects", "fraction", "why"),
    [
        ("one_at_a_time", "main", None, "7 of 64 combinations .* do not suffice to separate the effects"),
        ("ladder", "pairs", None, "do not suffice to separate the effects"),
        ("fraction", "pairs", "a b c d abc bcd", r"16 combinations tell main effects alone; take design = \"full\""),
    ],
)
def test_a_design_that_cannot_is_refused_before_anything_runs(
    design: str, effects: str, fraction: str | None, why: str
) -> None:
    with pytest.raises(SuiteError, match=why):
        check(design, effects, fraction)


def test_a_clock_that_steps_back_times_nothing() -> None:
    forward = count(0, 10)
    assert single_stream(str, [1, 2], clock=lambda: next(forward)) == ([10, 10], ["1", "2"])
    back = iter([100, 90])
    with pytest.raises(ClockError, match="stepped back by 10 ns"):
        single_stream(str, [1], clock=lambda: next(back))


@pytest.mark.parametrize(
    ("targets", "measure", "said"),
    [
        (
            Targets(max_p95="1s"),
            Measure(passes=4, rounds=1),
            "max_p95 cannot be decided: its interval needs 4 rounds (not 1) and 93 distinct texts (not 8); use more",
        ),
        (
            Targets(max_p95="1s"),
            Measure(passes=1000, rounds=4),
            "max_p95 cannot be decided: its interval needs 93 distinct texts (not 8); use more",
        ),
        (Targets(max_p50="1s"), Measure(passes=1, rounds=4), None),
        (
            Targets(max_p50="1s"),
            Measure(scenarios=("offline",)),
            "max_p50 cannot be decided: the suite does not",
        ),
        (Targets(min_qps=3), STREAM, "min_qps cannot be decided: the suite does not measure closed_loop"),
        (
            Targets(max_cold_start="2s"),
            STREAM,
            "max_cold_start cannot be decided: the suite does not measure cold_start",
        ),
        (Targets(max_cold_start="2s"), Measure(scenarios=("cold_start",)), None),
        (
            Targets(max_vram="2GiB"),
            Measure(),
            "max_vram cannot be decided: on a CPU nothing is on a device; use max_rss",
        ),
        (Targets(max_rss="2GiB"), Measure(), None),
    ],
)
def test_a_target_that_cannot_be_told_is_said_before_anything_runs(
    targets: Targets, measure: Measure, said: str | None
) -> None:
    suite = Suite(Texts(["article"]), Combinations("explicit", SIX), measure, targets)
    found = list(untold(suite, 8, "cpu"))
    assert len(found) == (said is not None)
    assert all(f"target {said}" in one for one in found)
