"""What a gate writes for other tools is read back by these tools, or as their documentation says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import xmlschema
from junitparser import Error, Failure, JUnitXml, Skipped
from made_up import HEADER, RECORDS
from msgspec.structs import replace
from pytest_benchmark.stats import Stats

from harness.analyse.compare import compare, streams
from harness.analyse.gate import Finding
from harness.record import Cell, Failed, Header, Record
from harness.report.ci import annotations as github
from harness.report.ci import words
from harness.report.formats import Gate, Run, formats, junit, not_counted, pytest_benchmark
from harness.units import MIB, NS_PER_S

MADE = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
FINDINGS = [
    Finding("parity", "batching", "pass", "the same answers"),
    Finding("latency_ratio max increase 5%", "batching", "fail", "1.104 [1.071, 1.138] of <HEAD> & 100% of it"),
    Finding("qps max decrease 5%", "a+b(c='x, y')", "inconclusive", "0.97 [0.93, 1.02]", timed=True),
    Finding("p95 max 800ms", "batching", "skipped", "another device", excused=True),
    Finding("cold_start max increase 10%", "batching", "fail", "1.2 s", warns=True),
]
XSD = Path(__file__).parents[1] / "golden" / "junit.xsd"
FORMATS = [name for name, one in formats().items() if one.of_sound]


def render(name: str, header: Header, records: Sequence[Record]) -> str:
    return formats()[name].report(Run(header, records, compare(header, records)[0], MADE))


def left_out(header: Header, records: Sequence[Record]) -> list[str]:
    return list(not_counted(compare(header, records)[0]))


def test_junit_is_valid_and_a_parser_finds_each_verdict() -> None:
    written = junit.of_gate(Gate(FINDINGS, "HEAD (0123abc)", MADE))
    schema = xmlschema.XMLSchema(str(XSD))
    schema.validate(written)
    with pytest.raises(xmlschema.XMLSchemaValidationError):
        schema.validate(written.replace('hostname="localhost"', ""))
    (suite,) = JUnitXml.fromstring(written.encode())
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (5, 1, 1, 1)
    assert suite.timestamp == "2026-03-01T12:30:00"
    kinds = {(case.classname, case.name): [type(one) for one in case.result] for case in suite}
    assert list(kinds.values()) == [[], [Failure], [Error], [Skipped], []]
    (failure,) = next(case for case in suite if case.name.startswith("latency")).result
    assert failure.message == FINDINGS[1].says


def test_annotations_name_the_culprit_and_warnings_stay_warnings() -> None:
    lines = list(github.render(FINDINGS))
    found = [re.fullmatch(r"::(\w+) title=([^,]*)::(.*)", line) for line in lines]
    assert [one[1] for one in found if one] == ["error", "error", "warning", "notice", "warning"]
    assert all(found)
    assert lines[0].endswith("::fail (2 fail, 1 inconclusive, 1 skipped, 1 pass; 1 of them only warns)")
    assert "100%25 of it" in lines[1]
    assert "%3A a+b(c='x%2C y')" in lines[2]
    assert len(list(github.render([FINDINGS[1]] * 30))) == 10


def test_what_is_skipped_without_leave_is_green_nowhere() -> None:
    skipped = Finding("qps min 20", "batching", "skipped", "another device")
    found = [FINDINGS[0], skipped]
    said = "inconclusive (1 skipped, 1 pass; skipped rules need --allow-skipped to pass)"
    assert list(words.console(found, "HEAD"))[-1] == f"\nGate against HEAD: {said}"
    assert words.markdown(found, "HEAD").startswith(f"## Gate against HEAD: inconclusive\n\n{said}\n")
    assert [line.split(" ")[0] for line in github.render(found)] == ["::warning", "::warning"]
    written = junit.of_gate(Gate(found, "HEAD", MADE))
    xmlschema.XMLSchema(str(XSD)).validate(written)
    (suite,) = JUnitXml.fromstring(written.encode())
    assert (suite.tests, suite.errors, suite.skipped) == (2, 1, 0)
    assert said in written


def test_a_gate_that_judged_nothing_is_green_nowhere() -> None:
    found = [Finding("qps min 20", "batching", "skipped", "another device", excused=True)] * 3
    said = "inconclusive (3 skipped; nothing was judged)"
    assert list(words.console(found, "HEAD"))[-1].endswith(said)
    assert next(github.render(found)) == f"::warning title=uiebench gate::{said}"
    written = junit.of_gate(Gate(found, "HEAD", MADE))
    xmlschema.XMLSchema(str(XSD)).validate(written)
    (suite,) = JUnitXml.fromstring(written.encode())
    assert (suite.tests, suite.errors, suite.skipped) == (4, 1, 3)


def test_a_crashed_workers_last_words_break_no_format() -> None:
    tail = "crash: a | b\n\n  File 1\r\n\x1b[31mred\x1b[0m\x07\x1b \ud800done\n"
    crashed = Finding("cells", "batching", "fail", tail)
    said = "crash: a | b File 1 red done"
    line, _ = words.console([crashed], "HEAD")
    assert line.endswith(f"batching  {said}")
    (row,) = (line for line in words.markdown([crashed], "HEAD").splitlines() if line.startswith("| FAIL"))
    assert row == r"| FAIL | cells | `batching` | crash: a \| b File 1 red done |"
    assert list(github.render([crashed]))[1:] == [f"::error title=cells%3A batching::{said}"]
    written = junit.of_gate(Gate([crashed], "HEAD", MADE))
    xmlschema.XMLSchema(str(XSD)).validate(written)
    ((case,),) = JUnitXml.fromstring(written.encode())
    (failure,) = case.result
    assert failure.message == said


def test_the_summary_shows_what_did_not_pass_and_folds_the_rest() -> None:
    written = words.markdown(FINDINGS, "HEAD")
    assert written.startswith("## Gate against HEAD: fail\n")
    shown, _, folded = written.partition("<details>")
    assert "| FAIL | latency_ratio max increase 5% | `batching` |" in shown
    assert "| warn | cold_start" in shown
    assert "| ok | parity" in folded
    last = list(words.console(FINDINGS, "HEAD"))
    assert last[0].startswith("FAIL  latency_ratio")
    assert last[-1].endswith("fail (2 fail, 1 inconclusive, 1 skipped, 1 pass; 1 of them only warns)")


def test_github_action_benchmark_reads_a_list_of_smaller_is_better() -> None:
    found = json.loads(render("action-benchmark", HEADER, RECORDS))
    assert all({"name", "unit", "value"} <= set(one) <= {"name", "unit", "value", "range"} for one in found)
    assert all(isinstance(one["value"], int | float) for one in found)
    by_name = {one["name"]: one for one in found}
    assert len(by_name) == len(found)
    assert by_name["good: time over its partner's"]["value"] == pytest.approx(0.5)
    assert by_name["good: peak host memory"]["value"] == 2048
    assert by_name["good: cold start"] == {"name": "good: cold start", "unit": "s", "value": 1.5}
    assert not any("QPS" in name for name in by_name)


def test_github_action_benchmark_reads_rates_as_bigger_is_better() -> None:
    found = json.loads(render("action-benchmark-bigger", HEADER, RECORDS))
    by_name = {one["name"]: one for one in found}
    assert len(by_name) == len(found) == 4 * 5 - 2  # stock has no ratio to itself
    texts, wall = 50, 0.5 * 1.05
    assert by_name["good: QPS (3 clients)"]["value"] == pytest.approx(texts / wall, rel=1e-3)
    assert by_name["good: QPS (one call)"]["unit"] == "requests/s"
    assert by_name["good: QPS over its partner's (one call)"]["value"] == pytest.approx(2)


COUNTED = {"baseline", "stock", "good", "better", "better+good"}


@pytest.mark.parametrize("name", FORMATS)
def test_what_the_report_strikes_out_or_calls_failed_is_no_number_of_a_service(name: str) -> None:
    written = render(name, HEADER, RECORDS)
    for one in HEADER.exact:
        assert (f'"{one}' in written) == (one in COUNTED), one


def test_what_is_left_out_is_said_with_why() -> None:
    said = dict(line.split(": ", 1) for line in left_out(HEADER, RECORDS))
    assert set(said) == set(HEADER.exact) - COUNTED
    assert said["wrong"] == "gives other answers than the baseline on 1 of 50 texts (t3)"
    assert said["inexact"].startswith("its F1 is more than 0.5 points lower")
    assert said["broken"] == "failed (crash) in round 0: the worker ended with signal SIGSEGV"
    assert said["absent"] == "skipped: absent: it needs a GPU | of sm80"


def test_what_failed_in_a_later_round_is_left_out_too() -> None:
    later = Failed(Cell("good", "single_stream", "texts", "cpu"), 1, "inactive", "no kernel was seen")
    assert '"good' not in render("bencher", HEADER, [*RECORDS, later])
    assert any(line.startswith("good: failed (inactive)") for line in left_out(HEADER, [*RECORDS, later]))


def test_a_run_of_nothing_that_counts_is_an_empty_file() -> None:
    broken = [one for one in RECORDS if one.cell.combination in ("wrong", "broken")]
    header = replace(HEADER, exact={"wrong": True, "broken": True})
    for name, empty in (("action-benchmark", []), ("action-benchmark-bigger", []), ("bencher", {})):
        assert json.loads(render(name, header, broken)) == empty
    assert json.loads(render("pytest-benchmark", header, broken))["benchmarks"] == []


def test_bencher_reads_measures_by_benchmark() -> None:
    found: Mapping[str, Mapping[str, Mapping[str, float]]] = json.loads(render("bencher", HEADER, RECORDS))
    for measures in found.values():
        for measure in measures.values():
            assert set(measure) <= {"value", "lower_value", "upper_value"}
            assert measure.get("lower_value", 0) <= measure["value"] <= measure.get("upper_value", float("inf"))
    mean = sum(10 + text for text in range(50)) / 50 * 1e6
    assert found["stock"]["latency"]["value"] == pytest.approx(mean)
    assert found["stock"]["peak-rss"]["value"] == 2048 * MIB
    assert found["stock"]["cold-start"]["value"] == 1.5 * NS_PER_S
    assert found["stock"]["throughput"]["value"] == pytest.approx(50 / 1.05)
    assert set(found["stock"]) >= {"throughput", "throughput-offline"}


def test_our_statistics_are_pytest_benchmarks_own() -> None:
    written = json.loads(pytest_benchmark.of_sound(Run(HEADER, RECORDS, [], MADE)))
    by_name: dict[str, dict[str, Any]] = {one["name"]: one["stats"] for one in written["benchmarks"]}
    for name, rounds in streams(RECORDS).items():
        own: Any = Stats()  # type: ignore[no-untyped-call]
        for one in rounds:
            for ns in (ns for passed in one.own_ns for ns in passed):
                own.update(ns / NS_PER_S)
        for field, value in by_name[name].items():
            if field != "iterations":
                expected = getattr(own, field)
                assert value == (expected if isinstance(expected, str) else pytest.approx(expected)), (name, field)


def test_pytest_benchmark_compares_our_file(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.json").write_text(render("pytest-benchmark", HEADER, RECORDS), encoding="utf-8")
    command = [sys.executable, "-m", "pytest_benchmark", "--storage", str(tmp_path), "compare", "a.json", "b.json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for name in (*COUNTED, "good[closed_loop-3]", "good[cold_start]"):
        assert re.search(rf"^{re.escape(name)} ", done.stdout, re.MULTILINE), done.stdout


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_json_of_a_run(name: str) -> None:
    assert json.loads(render(name, HEADER, RECORDS))


def test_every_format_is_on_a_page() -> None:
    docs = Path(__file__).parents[2] / "docs"
    written = "".join((docs / page).read_text(encoding="utf-8") for page in ("ci.md", "read-a-report.md"))
    for name in formats():
        assert re.search(f"[` ]{name}`", written), name
