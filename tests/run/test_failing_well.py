"""One real run of a suite whose optimizations go wrong in every way."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from harness.analyse.compare import compare
from harness.analyse.rows import Row
from harness.analyse.view import view
from harness.plan.cells import Planned
from harness.record import ClosedLoop, ColdStart, Failed, Measured, Record, SingleStream, Skipped
from harness.report import console, markdown
from harness.run.ablation import Options, execute, prepare
from harness.run.executors.local import LocalExecutor
from harness.run.executors.recorded import Reference
from harness.run.store import RECORDS, read_run

FAULTS = ["wrong_answer", "prints", "crash", "hang", "eats_all_memory", "raises", "exits", "does_nothing", "never_here"]
LONG = "这款手机售价2999元，屏幕非常清晰，拍照也很稳定，就是电池续航在系统更新以后下降得比较明显，客服说下个月修复。"


HANGS_S = 8  # what a hang is waited for; the others get the suite's time, which is for a slow machine


class Hasty(LocalExecutor):
    """Does not wait as long for what will not come."""

    def round(self, planned: Planned, number: int, reference: Reference) -> list[Record]:
        if planned.combination == "hang":
            return LocalExecutor(replace(self._settings, timeout_s=HANGS_S)).round(planned, number, reference)
        return super().round(planned, number, reference)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, light_start: Path) -> Path:
    here = tmp_path_factory.mktemp("run")
    texts = here / "texts.jsonl"
    lines = [{"id": i, "text": text, "schema": {"价格": None}} for i, text in (("long", LONG), ("short", "售价三百元"))]
    texts.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    compared = here / "compared.jsonl"
    compared.write_text(
        json.dumps({"id": "untimed", "text": f"再说一遍：{LONG}", "schema": {"价格": None}}), encoding="utf-8"
    )
    suite = here / "faults.toml"
    suite.write_text(
        f"""
        [combinations]
        optimizations = {json.dumps(FAULTS)}
        [texts]
        datasets = [{json.dumps(str(texts))}]
        compared = [{json.dumps(str(compared))}]
        [measure]
        scenarios = ["single_stream", "closed_loop", "offline", "cold_start"]
        only = {{ closed_loop = ["baseline", "wrong_answer"], offline = ["stock"], cold_start = ["baseline"] }}
        passes = 2
        starts = 1
        timeout_s = 60
        f1_margin = 2
        """,
        encoding="utf-8",
    )
    options = Options(str(suite), plugins=(Path(__file__).parent / "faults.py",), directory=here / "runs")
    return execute(prepare(options), progress=lambda _, __: None, executor_of=Hasty)


@pytest.fixture(scope="module")
def records(run: Path) -> dict[str, Record]:
    _, records = read_run(run, warn=pytest.fail)
    return {record.cell.combination: record for record in records if record.cell.scenario == "single_stream"}


@pytest.fixture(scope="module")
def rows(run: Path) -> dict[str, Row]:
    header, records = read_run(run, warn=pytest.fail)
    return {row.combination: row for row in compare(header, records)[0]}


def test_the_header_says_how_long_the_texts_are_and_what_f1_may_be_lost(run: Path) -> None:
    header, _ = read_run(run, warn=pytest.fail)
    assert header.text_characters == [len(LONG), len("售价三百元")]
    assert header.f1_margin == 2


@pytest.mark.parametrize(
    ("combination", "kind", "said"),
    [
        ("crash", "crash", "SIGSEGV"),
        ("hang", "timeout", "time limit"),
        ("eats_all_memory", "out_of_memory", "memory"),
        ("raises", "error", "no such kernel"),
        ("exits", "error", "SystemExit: 0"),
        ("does_nothing", "inactive", "no kernel of it was seen"),
    ],
)
def test_a_broken_worker_is_a_record(records: dict[str, Record], combination: str, kind: str, said: str) -> None:
    record = records[combination]
    assert isinstance(record, Failed)
    assert record.kind == kind
    assert said in record.error


def test_an_optimization_that_cannot_run_here_is_skipped_with_its_reason(records: dict[str, Record]) -> None:
    record = records["never_here"]
    assert isinstance(record, Skipped)
    assert "quantum computer" in record.reason


def test_load_is_measured_and_its_answers_compared(run: Path, rows: dict[str, Row]) -> None:
    _, records = read_run(run, warn=pytest.fail)
    loads = [one for one in records if isinstance(one, Measured) and isinstance(one.samples, ClosedLoop)]
    assert {one.cell.combination for one in loads} == {"baseline", "wrong_answer"}
    for one in loads:
        assert isinstance(one.samples, ClosedLoop)
        assert all(len(load.request_ns) == 2 for load in one.samples.own)
        assert bool(one.samples.parity.broken) == (one.cell.combination == "wrong_answer")
    assert (load := rows["baseline"].load("closed_loop"))
    assert load.mean_batch == 1
    assert load.longest_wait_ns
    assert load.per_second > 0
    assert [load.scenario for load in rows["stock"].loads] == ["offline"]


def test_cold_starts_are_taken_alone_and_the_first_one_is_kept_apart(run: Path) -> None:
    header, records = read_run(run, warn=pytest.fail)
    assert "host_cpus" not in header.environment["worker"], "there is no GPU that its threads could be near"
    (samples,) = (one.samples for one in records if isinstance(one, Measured) and one.cell.scenario == "cold_start")
    assert isinstance(samples, ColdStart)
    assert samples.preparing is not None
    assert len(samples.own) == 2  # the suite's, and the round's
    assert len(samples.partner) == 1
    assert all(start.imports_ns > start.first_call_ns > 0 for start in (*samples.own, *samples.partner))
    assert {start.context_ns for start in (*samples.own, *samples.partner)} == {None}, "a CPU needs no context"


def test_what_a_plugin_prints_is_in_its_log_and_spoils_no_record(run: Path, records: dict[str, Record]) -> None:
    record = records["prints"]
    assert isinstance(record, Measured)
    assert isinstance(record.samples, SingleStream)
    assert not record.samples.parity.differences
    assert "no fault at all" not in (run / RECORDS).read_text(encoding="utf-8")
    assert "no fault at all" in (run / "logs" / "prints.0.own.log").read_text(encoding="utf-8")


def test_the_run_goes_on_past_every_failure(records: dict[str, Record]) -> None:
    assert set(records) == {"baseline", "stock", *FAULTS}
    for name in ("baseline", "stock", "wrong_answer", "prints"):
        record = records[name]
        assert isinstance(record, Measured)
        assert isinstance(record.samples, SingleStream)
        assert len(record.samples.own_ns) == 2
        assert all(ns > 0 for one in record.samples.own_ns for ns in one)
        assert record.samples.memory
        assert record.samples.memory.rss_serving_peak_bytes


def test_a_wrong_answer_strikes_its_speed_out_and_names_the_text(run: Path, rows: dict[str, Row]) -> None:
    row = rows["wrong_answer"]
    assert row.struck_out
    # It is wrong on a text that is timed and on one that is only compared.
    assert sorted(one.id for one in row.broken) == ["compared:untimed", "texts:long"]
    assert row.texts == rows["stock"].texts == 3
    assert row.latency
    assert row.latency.requests == 2 * 2
    assert not rows["stock"].struck_out
    header, records = read_run(run, warn=pytest.fail)
    report = markdown.render(view(header, records, []))
    line = next(line for line in report.splitlines() if line.startswith("| wrong_answer"))
    assert line.count("~~") == 2 * 7
    assert "texts:long" in report
    out = Console(file=io.StringIO(), width=200, force_terminal=True)
    out.print(console.render(header, list(rows.values()), "verdict"))
    written = out.file
    assert isinstance(written, io.StringIO)
    assert "\x1b[9m" in written.getvalue()


def test_a_torn_last_line_is_dropped_with_a_warning(run: Path, tmp_path: Path) -> None:
    whole = (run / RECORDS).read_bytes()
    (tmp_path / RECORDS).write_bytes(whole[:-20])
    warnings: list[str] = []
    _, records = read_run(tmp_path, warn=warnings.append)
    assert len(records) == whole.count(b"\n") - 2
    assert len(warnings) == 1
    assert "the last line is incomplete" in warnings[0]
