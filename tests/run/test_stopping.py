from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.analyse import stopping
from harness.analyse.stats import ALPHA
from harness.analyse.stopping import Seen
from harness.errors import SuiteError
from harness.plan.cells import Planned
from harness.plan.suite import Measure, read_suite
from harness.record import BASELINE, Cell, Failed, Measured, Memory, Parity, Record, SingleStream, Skipped
from harness.run.ablation import Options, prepare
from harness.run.executors.recorded import Reference
from harness.run.runner import run
from harness.run.stopping import Schedule, broken


def planned(name: str) -> Planned:
    return Planned(name, exact=True, cells=(Cell(name, "single_stream", "texts", "cpu"),))


def measured(name: str, number: int, log_ratio: float) -> Record:
    partner = 1_000_000_000
    stream = SingleStream(
        own_ns=[[round(partner * math.exp(log_ratio))]],
        partner_ns=[[partner]],
        own_cpu_ns=[1],
        parity=Parity(1),
        memory=Memory(1),
    )
    return Measured(Cell(name, "single_stream", "texts", "cpu"), number, stream)


class Noisy:
    """An executor whose ratios spread as asked, by combination."""

    def __init__(self, sds: dict[str, float]) -> None:
        self.sds, self.draw = sds, random.Random(0)
        self.order: list[str] = []

    def round(self, planned: Planned, number: int, reference: Reference) -> list[Record]:
        self.order.append(planned.combination)
        return [measured(planned.combination, number, self.draw.gauss(0, self.sds[planned.combination]))]


class Broken(Noisy):
    """Rounds that fail."""

    def __init__(self, kinds: dict[str, Any]) -> None:
        super().__init__({})
        self.kinds = kinds

    def round(self, planned: Planned, number: int, reference: Reference) -> list[Record]:
        self.order.append(planned.combination)
        kind = self.kinds.get(planned.combination)
        if kind is None:
            return [measured(planned.combination, number, 0.0)]
        cell = planned.cells[0]
        return [Skipped(cell, number, "why")] if kind == "skipped" else [Failed(cell, number, kind, "it died")]


def ended(executor: Noisy, names: Sequence[str], measure: Measure, until: float | None = None) -> dict[str, str]:
    clock = iter(range(10_000))
    rounds = Schedule(
        [planned(name) for name in names],
        measure,
        random.Random(1),
        assumed_sd=0.025,
        until=until,
        clock=lambda: float(next(clock)),
    )
    records = run(rounds, executor, Reference([], []), append=lambda _: None)
    return {end.combination: f"{end.rule} {end.rounds}" for end in rounds.ends(records)}


def test_the_first_look_is_after_four_rounds() -> None:
    found = ended(Noisy({"a": 0.001, "b": 0.001}), "ab", Measure(rounds=16, precision=0.05))
    assert found == {"a": "precision 4", "b": "precision 4"}


def test_what_is_noisier_gets_more_rounds() -> None:
    sds = dict.fromkeys("abcdef", 0.01) | {"f": 0.2}
    found = ended(Noisy(sds), "abcdef", Measure(rounds=16, precision=0.03))
    assert found.pop("f") == "rounds 16"
    assert set(found.values()) <= {"precision 4", "precision 8"}


def test_without_a_precision_all_rounds_are_made() -> None:
    assert ended(Noisy({"a": 0.0, "b": 0.0}), "ab", Measure(rounds=5)) == {"a": "rounds 5", "b": "rounds 5"}


def test_with_a_budget_the_widest_interval_comes_first() -> None:
    executor = Noisy(dict.fromkeys("abcdef", 0.005) | {"f": 0.3})
    found = ended(executor, "abcdef", Measure(rounds=50), until=60)
    assert all(rule.startswith("budget") for rule in found.values())
    assert set(executor.order[:6]) == set("abcdef")  # everyone has a first round before anyone has a second
    counted = Counter(executor.order)
    assert counted["f"] > 3 * max(counted[name] for name in "abcde")


def test_among_equals_the_order_is_drawn() -> None:
    executor = Noisy(dict.fromkeys("abcdefgh", 0.0))
    ended(executor, "abcdefgh", Measure(rounds=2))
    first, second = executor.order[:8], executor.order[8:]
    assert sorted(first) == sorted(second) == list("abcdefgh")
    assert first not in (second, list("abcdefgh"))


def strange(ends: Callable[[Seen], bool], looks: Sequence[int] | None = None) -> stopping.Rule:
    return stopping.Rule("strange", "were strange", ends, None if looks is None else lambda _: looks)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Callable[[stopping.Rule], None]:
    """Have a rule of another distribution."""
    ours = stopping._ours()
    return lambda rule: monkeypatch.setattr(stopping, "rules", lambda: {**ours, "strange": rule})


Installed = Callable[[stopping.Rule], None]


def test_a_rule_of_another_distribution_ends_what_it_is_asked_about(installed: Installed) -> None:
    installed(strange(lambda seen: seen.combination == "a" and seen.rounds >= 2))
    named, silent = Measure(rounds=5, stopping=["strange"]), Measure(rounds=5)
    assert ended(Noisy({"a": 0.0, "b": 0.0}), "ab", named) == {"a": "strange 2", "b": "rounds 5"}
    assert ended(Noisy({"a": 0.0, "b": 0.0}), "ab", silent) == {"a": "rounds 5", "b": "rounds 5"}


def test_a_rule_sees_figures_only_at_its_looks_and_all_looks_share_the_error(installed: Installed) -> None:
    seen: list[Seen] = []

    def noting(one: Seen) -> bool:
        seen.append(one)
        return False

    installed(strange(noting, looks=[2, 4, 99]))
    measure = Measure(rounds=5, precision=0.001, stopping=["strange"])
    assert stopping.rules_of(measure).looks == (2, 4)
    ended(Noisy({"a": 0.2}), "a", measure)
    assert {len(one.ratios) for one in seen} == {2, 4}
    assert {one.alpha for one in seen} == {ALPHA / 2}
    seen.clear()
    installed(strange(noting))
    ended(Noisy({"a": 0.2}), "a", measure)
    assert {one.rounds for one in seen} >= {0, 1, 2, 3}
    assert {len(one.ratios) for one in seen} == {0}


def test_a_rule_that_is_not_there_is_named_before_anything_is_measured(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text('[texts]\ndatasets = ["article"]\n[measure]\nstopping = ["roundz"]\n')
    with pytest.raises(SuiteError, match=r"unknown stopping rule 'roundz'; did you mean 'rounds'\?"):
        prepare(Options(str(path)), lambda _: None)


@pytest.mark.parametrize("looks", [[0], ["four"], [2.5]])
def test_a_rule_that_looks_at_no_number_of_rounds_is_refused(looks: Sequence[Any], installed: Installed) -> None:
    installed(strange(lambda _: True, looks))
    with pytest.raises(SuiteError, match=r"'strange' looks after .* and not after numbers of rounds"):
        stopping.rules_of(Measure(stopping=["strange"]))


def test_a_rule_that_cannot_say_when_it_looks_is_refused(installed: Installed) -> None:
    installed(stopping.Rule("strange", "were strange", lambda _: True, lambda measure: [1 // (measure.confirm)]))
    with pytest.raises(SuiteError, match="'strange' cannot say when it looks: ZeroDivisionError"):
        stopping.rules_of(Measure(stopping=["strange"]))


def test_what_cannot_run_is_tried_once_and_what_fails_twice() -> None:
    executor = Broken({"a": "skipped", "b": "timeout"})
    found = ended(executor, "abc", Measure(rounds=5))
    assert found == {"a": "skipped 1", "b": "failed 2", "c": "rounds 5"}


@pytest.mark.parametrize(
    ("kinds", "why"),
    [
        ({"a": "partner", "b": "partner", "c": "partner", BASELINE: "partner"}, "it died"),
        ({BASELINE: "crash"}, "the baseline failed in 2 rounds (crash): it died"),
    ],
)
def test_a_run_stops_early_where_there_is_nothing_to_compare_with(kinds: dict[str, str], why: str) -> None:
    executor = Broken(kinds)
    names = ["a", "b", "c", BASELINE]
    rounds = Schedule([planned(name) for name in names], Measure(rounds=9), random.Random(1), assumed_sd=0.025)
    records = run(rounds, executor, Reference([], []), append=lambda _: None)
    assert len(executor.order) < len(names) * 3
    assert broken(records) == why


def test_one_failure_is_chance() -> None:
    failed = Failed(Cell("a", "single_stream", "texts", "cpu"), 0, "partner", "it died")
    assert broken([failed, measured("b", 0, 0.0)]) is None


def test_a_precision_that_no_look_could_find_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text('[texts]\ndatasets = ["article"]\n[measure]\nrounds = 3\nprecision = 0.03\n')
    with pytest.raises(SuiteError, match="looked at after 4 rounds for the first time, and rounds is 3"):
        read_suite(path)
