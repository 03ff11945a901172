"""A gate against a committed file, with an executor whose rounds are made up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from made_up import MIB, SPAN
from msgspec.structs import replace

from harness.analyse.baselines import read_baseline, write_baseline
from harness.analyse.gate import Finding
from harness.analyse.rules import Rule, Rules, read_rules
from harness.errors import InputError
from harness.gate import gate as gates
from harness.gate.baseline import of_directory
from harness.plan.cells import Planned
from harness.record import Chains, Failed, Measured, Memory, Parity, Record, SingleStream
from harness.run.ablation import Options, execute, prepare
from harness.run.executors.local import Settings
from harness.run.executors.recorded import Reference

SUITE = """
[combinations]
design = "explicit"
include = ["batching"]
[texts]
datasets = ["business/test"]
[measure]
scenarios = ["single_stream"]
rounds = 4
passes = 1
"""
RULES = """
suite = "own.toml"
[[rule]]
metric = "parity"
[[rule]]
metric = "peak_rss_bytes"
max_increase = "10MiB"
[[rule]]
metric = "latency_ratio"
cell = "batching"
max_increase = "20%"
[[rule]]
metric = "p95"
cell = "batching"
max = "9s"
"""


@dataclass
class Stub:
    """Every text takes a second with stock, and `slowdown` times as long otherwise."""

    slowdown: float = 0.5
    rss_bytes: int = 300 * MIB
    answer: Chains = field(default_factory=lambda: list(SPAN))  # type: ignore[arg-type]
    texts: int = 100
    failing: str = ""  # a combination

    def __call__(self, settings: Settings) -> Stub:
        return self

    def reference(self) -> tuple[Reference, dict[str, Any]]:
        return Reference([self.answer] * self.texts, [[]] * self.texts), {}

    def round(self, planned: Planned, number: int, _: Reference) -> list[Record]:
        if planned.combination == self.failing:
            return [Failed(cell, number, "crash", "boom") for cell in planned.cells]
        noise = 10**9 + (number % 2) * 10**6
        own, partner = [[round(noise * self.slowdown)] * self.texts], [[noise] * self.texts]
        memory = Memory(1, self.rss_bytes, self.rss_bytes)
        stream = SingleStream(own, partner, [1], Parity(self.texts), memory)
        return [Measured(cell, number, stream) for cell in planned.cells]


@pytest.fixture
def rules(tmp_path: Path) -> Rules:
    (tmp_path / "own.toml").write_text(SUITE)
    (tmp_path / "rules.toml").write_text(RULES)
    return read_rules(tmp_path / "rules.toml")


def options(rules: Rules, directory: Path) -> Options:
    return Options(str(directory / rules.suite), directory=directory / "runs", fresh=True)


@pytest.fixture
def committed(rules: Rules, tmp_path: Path) -> Path:
    """What the baseline's revision measured, elsewhere: its run has the key of the one that is compared with it."""
    path = tmp_path / "ci.jsonl"
    there = Options(str(tmp_path / rules.suite), directory=tmp_path / "elsewhere", fresh=True)
    directory = execute(prepare(there), lambda _, __: None, executor_of=Stub())
    write_baseline(path, of_directory(directory))
    return path


def judged(rules: Rules, path: Path, stub: Stub, monkeypatch: pytest.MonkeyPatch) -> Sequence[Finding]:
    monkeypatch.setattr(gates, "LocalExecutor", stub)
    work = lambda _, measure: measure(lambda _, __: None)  # noqa: E731
    return gates.against_baseline(rules, path, options(rules, path.parent), work).findings


def verdicts(findings: Sequence[Finding], cell: str = "batching") -> dict[str, str]:
    return {one.rule.split()[0]: one.verdict for one in findings if one.cell == cell}


ALL_PASS = {"parity": "pass", "peak_rss_bytes": "pass", "latency_ratio": "pass", "p95": "pass"}


def test_the_same_figures_pass(rules: Rules, committed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = judged(rules, committed, Stub(), monkeypatch)
    assert verdicts(found) == ALL_PASS
    assert verdicts(found, "stock") == {"parity": "pass", "peak_rss_bytes": "pass"}


@pytest.mark.parametrize(
    ("stub", "rule"),
    [
        (Stub(slowdown=0.5 * 1.5), "latency_ratio"),
        (Stub(slowdown=10), "p95"),
        (Stub(rss_bytes=311 * MIB), "peak_rss_bytes"),
        (Stub(answer=[]), "parity"),
    ],
)
def test_what_changed_fails_its_rule(
    stub: Stub, rule: str, rules: Rules, committed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = verdicts(judged(rules, committed, stub, monkeypatch))
    assert found[rule] == "fail"
    if rule != "p95":
        assert found == {**ALL_PASS, rule: "fail"}


def test_a_baseline_that_breaks_is_a_finding(rules: Rules, committed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    always = replace(rules, rule=[replace(rules.rule[2], cell="*")])
    (found,) = judged(always, committed, Stub(failing="baseline"), monkeypatch)
    assert (found.rule, found.cell, found.verdict) == ("cells", "baseline", "fail")
    assert "the baseline failed in 2 rounds (crash): boom" in found.says


def test_a_rule_about_cold_starts_needs_enough_of_them(
    rules: Rules, committed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = committed.parent / "own.toml"
    own.write_text(SUITE.replace('["single_stream"]', '["single_stream", "cold_start"]'))
    starts = replace(rules, rule=[Rule("cold_start", max="3s")])
    with pytest.raises(InputError, match=r"the suite 'own' makes 0 cold starts.* set starts = 5"):
        judged(starts, committed, Stub(), monkeypatch)


def test_on_another_device_times_are_skipped_with_the_reason_and_answers_judged(
    rules: Rules, committed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = read_baseline(committed)
    elsewhere = replace(old, origin=replace(old.origin, kind="cpu Another Processor"))
    write_baseline(committed, elsewhere)
    found = judged(rules, committed, Stub(slowdown=5, answer=[]), monkeypatch)
    assert verdicts(found) == {**ALL_PASS, "latency_ratio": "skipped", "p95": "skipped", "parity": "fail"}
    reasons = [one.says for one in found if one.verdict == "skipped"]
    assert all("measured on another kind of device (cpu Another Processor; here" in reason for reason in reasons)


def test_against_a_file_that_does_not_say_instruction_sets_answers_and_memory_are_judged_and_times_are_not(
    rules: Rules, committed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = read_baseline(committed)
    write_baseline(committed, replace(old, origin=replace(old.origin, version=1, kind="cpu AMD EPYC")))
    found = judged(rules, committed, Stub(slowdown=5, rss_bytes=311 * MIB), monkeypatch)
    expected = {"latency_ratio": "skipped", "p95": "skipped", "peak_rss_bytes": "fail"}
    assert verdicts(found) == {**ALL_PASS, **expected}
    (said,) = {one.says for one in found if one.verdict == "skipped"}
    assert "ci.jsonl does not say which instruction sets its processor has" in said


def test_in_another_environment_only_absolute_limits_are_skipped(
    rules: Rules, committed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = read_baseline(committed)
    write_baseline(committed, replace(old, origin=replace(old.origin, environment_hash="other")))
    found = judged(rules, committed, Stub(), monkeypatch)
    assert verdicts(found) == {**ALL_PASS, "p95": "skipped"}


def test_a_baseline_of_another_suite_or_checkpoint_is_named(
    rules: Rules, committed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = read_baseline(committed)
    write_baseline(committed, replace(old, origin=replace(old.origin, weights="0" * 16)))
    (found, *_) = judged(rules, committed, Stub(), monkeypatch)
    assert (found.rule, found.cell, found.verdict) == ("checkpoint", "mini", "fail")
    write_baseline(committed, replace(old, origin=replace(old.origin, suite="quick")))
    with pytest.raises(InputError, match="of the suite 'quick', and the rules measure 'own'"):
        judged(rules, committed, Stub(), monkeypatch)


def test_a_rule_about_no_combination_is_refused_before_anything_is_measured(
    rules: Rules, committed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = replace(rules, rule=[replace(rules.rule[0], cell="batchin")])
    with pytest.raises(InputError, match="did you mean 'batching'"):
        judged(wrong, committed, Stub(), monkeypatch)
    assert not (committed.parent / "runs").exists()
