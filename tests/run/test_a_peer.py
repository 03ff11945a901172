"""A peer is measured as a combination is; what goes wrong in its environment is a fault with its reason."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from in_process import uiebench
from peered import PEER, up
from stand_in_modelscope import bare_environment, environment

from harness import Extractor
from harness.analyse.compare import compare
from harness.analyse.rows import Row
from harness.analyse.view import view
from harness.plan.cells import plan_cells
from harness.plan.registry import find_optimizations
from harness.plan.suite import find_suite, read_suite
from harness.record import ClosedLoop, ColdStart, Measured, Offline, Record, SingleStream
from harness.report import markdown
from harness.run import protocol as say
from harness.run.ablation import Options, execute, prepare
from harness.run.peers import interpreter_fault, with_peers
from harness.run.process import WorkerError
from harness.run.store import read_finished, read_run

TEXTS = ["型号ＺＸ－８０，单价￥３，２００元（不含税）。", "售价三百元"]
SCENARIOS = ["single_stream", "closed_loop", "offline", "cold_start"]
SCHEMA = {"价格": None}


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return environment(tmp_path_factory.mktemp("with"))


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bare_environment(tmp_path_factory.mktemp("without"))


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory, golden: Path) -> Iterator[Path]:
    """What the stand-in answers: the first text as the baseline does, the second otherwise."""
    file = tmp_path_factory.mktemp("answers") / "answers.json"
    right = Extractor.load(golden).extract(TEXTS[0], SCHEMA)
    assert right
    wrong = [[{"type": "价格", "span": "价", "offset": [1, 2]}]]
    file.write_text(json.dumps({TEXTS[0]: right, TEXTS[1]: wrong}), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("ANSWERS", str(file))
        yield file


def fault(python: Path, golden: Path, here: Path, *, seconds: float = 30) -> WorkerError:
    with up(python, golden, here, TEXTS, [SCHEMA] * 2, seconds=seconds) as worker:
        try:
            worker.hear(say.Ready)
            worker.ask(say.Answer(), say.Answered)
        except WorkerError as error:
            return error
    return pytest.fail("nothing was told")


def test_it_does_all_that_a_worker_is_asked(python: Path, golden: Path, answers: Path, tmp_path: Path) -> None:
    right, wrong = json.loads(answers.read_text(encoding="utf-8")).values()
    with up(python, golden, tmp_path, TEXTS, [SCHEMA] * 2, timed=1) as worker:
        ready = worker.hear(say.Ready)
        assert min(ready.start.imports_ns, ready.start.weights_ns, ready.start.first_call_ns) > 0
        assert ready.facts["torch_threads"] == "1"
        assert 6 <= worker.ask(say.WarmUp(), say.Warm).requests <= 20
        assert worker.ask(say.Answer(), say.Answered).answers == [right]
        assert worker.ask(say.Answer([0, 1]), say.Answered).answers == [right, wrong]
        one = worker.ask(say.Time(places=[1], primed=[0]), say.Timed)
        assert one.answers == [wrong]
        assert one.request_ns == [one.wall_ns]
        assert one.heap_bytes
        together = worker.ask(say.Time("offline"), say.Timed)
        assert (together.answers, together.request_ns) == ([right], [])
        loaded = worker.ask(say.Time("closed_loop", clients=2), say.Timed)
        assert loaded.answers == [right]
        assert set(loaded.batch_sizes) == {1}
        assert len(loaded.wait_ns) >= 3
        (marks,) = worker.ask(say.MarkTexts([0]), say.Marked).marks
        assert marks == [{"path": [], "type": "价格", "part": "head", "offset": [0, 1], "logit": 0.50005}]
        seen = worker.ask(say.Inspect("nowhere"), say.Inspected)
        assert (seen.largest, seen.work, seen.profile) == (None, None, None)
        (evidence,) = worker.ask(say.Prove(), say.Proved).evidence
        assert (evidence.optimization, evidence.active) == (PEER, True)
        assert evidence.figures == {"forwards": 1, "threads": 1}
        assert "modelscope.pipelines.Pipeline of modelscope 1.2.3, torch 0.0 (a stand-in)" in evidence.summary
        memory = worker.ask(say.Weigh(), say.Weighed).memory
        assert memory.weights_bytes == 4096
        assert memory.rss_load_peak_bytes
        assert memory.rss_serving_peak_bytes


def test_what_it_prints_is_no_reply(
    python: Path, golden: Path, answers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MISBEHAVIOUR", "prints")
    with up(python, golden, tmp_path, TEXTS[:1], [SCHEMA]) as worker:
        worker.hear(say.Ready)
        assert len(worker.ask(say.Answer(), say.Answered).answers) == 1
    assert b"rubbish" in (tmp_path / "log").read_bytes()


def test_more_threads_than_the_others_have_are_told(
    python: Path, golden: Path, answers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MISBEHAVIOUR", "more threads")
    with up(python, golden, tmp_path, TEXTS[:1], [SCHEMA]) as worker:
        worker.hear(say.Ready)
        (evidence,) = worker.ask(say.Prove(), say.Proved).evidence
    assert not evidence.active
    assert "threads: 64, and not 1 as all others" in evidence.summary


@pytest.mark.parametrize(
    ("misbehaviour", "kind", "said"),
    [
        ("broken import", "error", "modelscope cannot be imported in the environment of"),
        ("broken import", "error", "ImportError: first line cannot import name 'x' from 'y'"),
        ("refuses", "error", "modelscope refuses the checkpoint"),
        ("refuses", "error", "Unknown task siamese-uie"),
        ("too large", "out_of_memory", "CUDA out of memory"),
        ("dies", "crash", "exit status 7: no kernel image"),
        ("raises", "error", "ValueError: a shape that does not fit"),
        ("answers objects", "error", "not JSON serializable"),
    ],
)
def test_what_goes_wrong_is_told(
    python: Path,
    golden: Path,
    answers: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    misbehaviour: str,
    kind: str,
    said: str,
) -> None:
    monkeypatch.setenv("MISBEHAVIOUR", misbehaviour)
    found = fault(python, golden, tmp_path)
    assert found.kind == kind
    assert said in str(found)
    assert "Traceback" not in str(found)


def test_one_that_hangs_is_ended(
    python: Path, golden: Path, answers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MISBEHAVIOUR", "hangs")
    assert fault(python, golden, tmp_path, seconds=1).kind == "timeout"


def test_an_environment_without_the_package_is_named(bare: Path, golden: Path, tmp_path: Path) -> None:
    found = fault(bare, golden, tmp_path)
    assert found.kind == "unavailable"
    assert f"modelscope is not installed in the environment of {bare}" in str(found)
    assert 'pip install "modelscope[framework]' in str(found)


def test_neither_our_packages_nor_the_working_directory_are_in_its_way(
    bare: Path, golden: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "modelscope.py").write_text("raise SystemExit('the working directory is looked in')")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    assert "is not installed" in str(fault(bare, golden, tmp_path))


def test_an_interpreter_that_is_gone_by_then_is_a_crash(golden: Path, tmp_path: Path) -> None:
    with pytest.raises(WorkerError, match="cannot be started") as raised:
        up(tmp_path / "gone", golden, tmp_path, [], []).__enter__()
    assert raised.value.kind == "crash"


def script(file: Path, text: str) -> Path:
    file.write_text(text, encoding="utf-8")
    file.chmod(0o755)
    return file


def test_what_is_no_interpreter_is_told(bare: Path, tmp_path: Path) -> None:
    assert interpreter_fault(bare) is None
    plain = tmp_path / "plain"
    plain.write_text("text", encoding="utf-8")
    for path, said in [
        (tmp_path / "nowhere", "does not exist"),
        (tmp_path, "is a directory"),
        (plain, "is not executable"),
        (script(tmp_path / "no_program", "\x00\x01"), "cannot be run: Exec format error"),
        (Path("/bin/ls"), "is not a Python interpreter: asked for its version it said b''"),
        (script(tmp_path / "endless", "#!/bin/sh\nexec yes rubbish"), "it said b'rubbish"),
        (script(tmp_path / "old", "#!/bin/sh\necho uiebench asks 2 7"), "is Python 2.7, and a peer takes 3.10"),
    ]:
        found = interpreter_fault(path)
        assert found is not None
        assert said in found
        assert str(path) in found
        assert "Traceback" not in found


def test_a_suite_says_at_once_why_its_peer_will_not_run(bare: Path) -> None:
    plan = plan_cells(read_suite(find_suite("peers")), find_optimizations(), "cpu")
    told: list[str] = []
    (without,) = [one for one in with_peers(plan, None, told.append) if one.combination == PEER]
    assert without.reason is not None
    assert "--peer-python ENVIRONMENT/bin/python" in without.reason
    (wrong,) = [one for one in with_peers(plan, Path("/nowhere"), told.append) if one.combination == PEER]
    assert (wrong.reason, "does not exist" in str(wrong.fault)) == (None, True)
    assert [one.startswith(f"{PEER} will not run: ") for one in told] == [True, True]
    (ready,) = [one for one in with_peers(plan, bare, pytest.fail) if one.combination == PEER]
    assert (ready.reason, ready.fault) == (None, None)


def test_an_interpreter_for_no_peer_is_told() -> None:
    done = uiebench("run", "demo", "--peer-python", "/nowhere", "--dry-run")
    assert done.returncode == 0
    assert "the suite has no peer" in done.stderr


def test_the_command_line_says_what_will_not_run() -> None:
    done = uiebench("run", "peers", "--peer-python", "/nowhere", "--dry-run")
    assert done.returncode == 0
    assert f"{PEER} will not run: --peer-python '/nowhere' does not exist" in done.stderr
    assert f"{PEER}  (cannot run: --peer-python" in done.stdout


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, light_start: Path, golden: Path, python: Path, answers: Path) -> Path:
    """A run with the stand-in, which answers one of two texts as the baseline does."""
    here = tmp_path_factory.mktemp("run")
    texts = here / "texts.jsonl"
    lines = [{"id": i, "text": text, "schema": SCHEMA} for i, text in zip("ab", TEXTS, strict=True)]
    texts.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    suite = here / "suite.toml"
    suite.write_text(
        f"""
        [combinations]
        design = "explicit"
        include = ["{PEER}"]
        [texts]
        datasets = [{json.dumps(str(texts))}]
        [measure]
        scenarios = {json.dumps(SCENARIOS)}
        only = {{ {", ".join(f'{name} = ["{PEER}"]' for name in SCENARIOS)} }}
        passes = 2
        """,
        encoding="utf-8",
    )
    options = Options(str(suite), checkpoint=str(golden), directory=here / "runs", peer_python=python)
    return execute(prepare(options, pytest.fail), progress=lambda _, __: None)


@pytest.fixture(scope="module")
def records(run: Path) -> list[Record]:
    return [record for record in read_run(run, warn=pytest.fail)[1] if record.cell.combination == PEER]


@pytest.fixture(scope="module")
def row(run: Path) -> Row:
    (found,) = [row for row in compare(*read_run(run, warn=pytest.fail))[0] if row.combination == PEER]
    return found


def test_it_is_a_row_like_any_other(records: list[Record], row: Row) -> None:
    samples = [record.samples for record in records if isinstance(record, Measured)]
    assert [type(one) for one in samples] == [SingleStream, ClosedLoop, Offline, ColdStart]
    assert row.problem is None
    assert row.latency is not None
    assert row.starts
    assert (row.roofline, row.profile, row.largest_logit_difference) == (None, None, None)


def test_a_text_that_it_answers_otherwise_counts(row: Row) -> None:
    assert [one.id.endswith("b") for one in row.broken] == [True]
    assert row.texts == 2
    assert row.struck_out


def test_the_report_shows_what_is_known_of_it_and_nothing_else(run: Path) -> None:
    written = markdown.render(view(*read_run(run, warn=pytest.fail), read_finished(run)))
    assert "~~" in next(line for line in written.splitlines() if line.startswith(f"| {PEER} |"))
    assert "modelscope 1.2.3" in written
