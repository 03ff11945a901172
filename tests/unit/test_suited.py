"""Rules that their suite cannot tell are refused before anything is measured."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from harness.analyse.entries import Entry
from harness.analyse.rules import Rule, Rules, read_rules
from harness.errors import InputError
from harness.gate import starter
from harness.gate.gate import against_baseline
from harness.gate.suited import Suited, suited
from harness.run.ablation import Options, prepare

NO_GOLD = """
[combinations]
design = "explicit"
include = ["dynamic_truncation"]
[texts]
datasets = ["plain.txt"]
schema = '{"产品名称": null, "价格": null}'
[measure]
scenarios = ["single_stream"]
rounds = 1
passes = 2
"""
LABELLED = NO_GOLD.replace('"plain.txt"', '"article"').replace("schema =", "# ")
QPS, STARTS = Rule("qps", max_decrease="5%"), Rule("cold_start", max="3s")
VRAM, F1 = Rule("peak_vram_bytes", max="1GiB"), Rule("f1_drop", max=0.1)
P95, MEMORY = Rule("p95", max="1s"), Rule("peak_rss_bytes", max_increase="10%")


def entry(name: str, **changes: object) -> Entry:
    return replace(Entry(name, exact=True, problem=None), **changes)


def sorted_out(
    directory: Path,
    written: str,
    *rules: Rule,
    device: str = "cpu",
    rounds: int = 16,
    old: dict[str, Entry] | None = None,
    allow_skipped: bool = False,
) -> Suited:
    (directory / "plain.txt").write_text("华为Mate60 Pro售价6999元\n小米新机售价3999元\n", encoding="utf-8")
    suite = directory / "own.toml"
    suite.write_text(written.replace("plain.txt", str(directory / "plain.txt")), encoding="utf-8")
    ablation = prepare(Options(str(suite), device=device), lambda _: None)
    return suited(Rules(list(rules), rounds=rounds), ablation, [], old=old, allow_skipped=allow_skipped)


@pytest.mark.parametrize(
    ("rule", "suite", "said"),
    [
        (F1, NO_GOLD, "no text of the suite has gold chains.* name texts with labels"),
        (QPS, NO_GOLD, "does not measure closed_loop; add 'closed_loop' to the scenarios"),
        (VRAM, NO_GOLD, "on a CPU nothing is on a device; take peak_rss_bytes"),
        (STARTS, NO_GOLD, "does not measure cold_start; add 'cold_start'"),
        (STARTS, NO_GOLD.replace('["single_stream"]', '["cold_start"]'), "makes 0 cold starts.* set starts = 5"),
        (P95, NO_GOLD, r"the interval of a P95 takes 93 distinct texts \(not 2\); take more"),
        (Rule("p95_ratio", max_increase="10%"), NO_GOLD, "a P95 over texts needs 14 .* has 2"),
        (F1, LABELLED.replace("single_stream", "closed_loop"), "does not measure single_stream"),
        (MEMORY, LABELLED.replace("single_stream", "offline"), "does not measure single_stream"),
        (Rule("latency_ratio", max_increase="5%"), LABELLED.replace("single_stream", "offline"), "single_stream"),
        (Rule("parity"), LABELLED.replace("single_stream", "cold_start"), "single_stream or closed_loop or offline"),
        (QPS, LABELLED.replace("passes", 'only = { closed_loop = ["stock"] }\npasses').replace(
            '["single_stream"]', '["single_stream", "closed_loop"]'
        ), "of baseline, dynamic_truncation: the suite 'own' does not measure closed_loop"),
    ],
)  # fmt: skip
def test_a_rule_that_the_suite_cannot_tell_is_refused_with_what_is_missing(
    rule: Rule, suite: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=f"rule {rule.name!r}: .*{said}") as refused:
        sorted_out(tmp_path, suite, rule)
    assert "--allow-skipped" in str(refused.value)


def test_every_rule_that_cannot_be_judged_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        sorted_out(tmp_path, NO_GOLD, F1, QPS, VRAM, STARTS)
    assert [line.split("'")[1] for line in str(refused.value).splitlines()[1:]] == [
        "f1_drop max 0.1",
        "qps max decrease 5%",
        "peak_vram_bytes max 1GiB",
        "cold_start max 3s",
    ]


def test_a_rate_that_moves_needs_rounds_to_tell_how_much_it_varies(tmp_path: Path) -> None:
    under_load = LABELLED.replace("single_stream", "closed_loop")
    for rule, suite in ((QPS, under_load), (Rule("text_time_ratio", max_increase="25%"), LABELLED)):
        with pytest.raises(InputError, match="its spread needs 4 rounds, and the rules allow 2; set rounds = 4"):
            sorted_out(tmp_path, suite, rule, rounds=2)
    with pytest.raises(InputError, match="its spread needs 4 rounds, and the rules allow 3; set rounds = 4"):
        sorted_out(tmp_path, under_load, Rule("qps", min=1), rounds=3)
    assert sorted_out(tmp_path, under_load, QPS, Rule("qps", min=1), rounds=4).skipped == []


def test_rules_that_the_suite_can_tell_are_all_kept(tmp_path: Path) -> None:
    every = LABELLED.replace('["single_stream"]', '["single_stream", "closed_loop", "cold_start"]')
    every = every.replace("passes = 2", "passes = 2\nstarts = 5").replace('"article"', '"business/test"')
    rules = [F1, QPS, STARTS, P95, MEMORY, VRAM, Rule("parity"), Rule("latency_ratio", max_increase="5%")]
    found = sorted_out(tmp_path, every, *rules, device="cuda")
    assert (found.rules.rule, found.skipped) == (rules, [])


def test_with_leave_they_are_findings_and_the_others_are_judged(tmp_path: Path) -> None:
    found = sorted_out(tmp_path, NO_GOLD, F1, MEMORY, replace(QPS, severity="warn"), allow_skipped=True)
    assert found.rules.rule == [MEMORY]
    assert [(one.rule, one.verdict, one.warns) for one in found.skipped] == [
        (F1.name, "skipped", False),
        (QPS.name, "skipped", True),
    ]


@pytest.mark.parametrize(
    ("rule", "lacking", "holding"),
    [
        (F1, {}, {"f1": 80.0}),
        (MEMORY, {}, {"rss_bytes": 1 << 20}),
        (Rule("latency_ratio", max_increase="5%"), {}, {"time": [0.1]}),
        (Rule("total_time_ratio", max_increase="5%"), {"time": [0.1]}, {"total": [0.1]}),
        (Rule("text_time_ratio", max_increase="25%"), {"texts": {"t": [0.1] * 3}}, {"texts": {"t": [0.1] * 4}}),
        (Rule("qps", max_decrease="5%"), {"qps": [0.1] * 3}, {"qps": [0.1] * 4}),
    ],
)
def test_what_the_baseline_lacks_is_told_before_measuring_too(
    rule: Rule, lacking: dict[str, object], holding: dict[str, object], tmp_path: Path
) -> None:
    suite, names = LABELLED.replace('["single_stream"]', '["single_stream", "closed_loop"]'), ("baseline", "stock")
    with pytest.raises(InputError, match=r"rule .*: the baseline .* write it anew with"):
        sorted_out(tmp_path, suite, rule, old={name: entry(name, **lacking) for name in names})
    assert sorted_out(tmp_path, suite, rule, old={name: entry(name, **holding) for name in names}).skipped == []


def test_a_gate_that_can_judge_nothing_measures_nothing(tmp_path: Path) -> None:
    (tmp_path / "plain.txt").write_text("华为\n", encoding="utf-8")
    (tmp_path / "nogold.toml").write_text(NO_GOLD.replace("plain.txt", str(tmp_path / "plain.txt")), encoding="utf-8")
    origin = '{"assumed_sd":0.03,"checkpoint":"mini","device":"cpu","environment":{},"environment_hash":"0","kind":"k"'
    (tmp_path / "b.jsonl").write_text(f'{origin},"suite":"nogold","type":"baseline","version":1,"weights":"w"}}\n')
    options = Options(str(tmp_path / "nogold.toml"), directory=tmp_path / "runs")
    work = lambda *_: pytest.fail("something was measured")  # noqa: E731
    judged = against_baseline(Rules([F1]), tmp_path / "b.jsonl", options, work, allow_skipped=True)
    assert judged.directory is None
    assert [(one.verdict, one.excused) for one in judged.findings] == [("skipped", True)]


@pytest.mark.parametrize("device", ["cpu", "cuda:0"])
@pytest.mark.parametrize("ci", [None, *starter.JOBS])
def test_the_rules_that_init_writes_can_be_judged(ci: str | None, device: str, tmp_path: Path) -> None:
    path, *_ = starter.write_starter(tmp_path, ci, checkpoint="mini", device=device)
    rules = read_rules(path)
    ablation = prepare(Options(rules.suite, device=rules.device))
    assert suited(rules, ablation, []).skipped == []


def test_this_repositorys_own_rules_can_be_judged() -> None:
    path = Path(__file__).parents[2] / "reports" / "baselines" / "ci.toml"
    rules = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Rules)
    assert suited(rules, prepare(Options(str(path.parent / rules.suite))), []).skipped == []
