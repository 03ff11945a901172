"""A killed worker is a record and the run goes on; a run that was killed or interrupted is ended by a second start."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from interrupts import hear_interrupts

from harness.record import Failed, Record
from harness.run.store import RECORDS, read_run

SUITE = """
[combinations]
optimizations = ["dynamic_truncation"]
[texts]
datasets = ["business/test"]
ids = ["business/test:products-012"]
[measure]
passes = 2
"""
SHORT = """
[texts]
datasets = ["business/test"]
ids = ["business/test:products-012"]
[measure]
scenarios = ["single_stream"]
passes = 1
"""
COMMAND = [sys.executable, "-m", "harness", "run", "own.toml"]
CELLS = [
    (name, scenario)
    for name in ("baseline", "stock", "dynamic_truncation")
    for scenario in ("single_stream", "cold_start")
]
PATIENCE_S = 120

T = TypeVar("T")


def wait_for(what: Callable[[], T | None]) -> T:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if (found := what()) is not None:
            return found
        time.sleep(0.02)
    raise TimeoutError(what.__name__)


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def are_gone(processes: Sequence[int]) -> bool | None:
    return not any(Path(f"/proc/{pid}").exists() for pid in processes) or None


def records(here: Path) -> list[Record]:
    (directory,) = (path.parent for path in here.glob(f"runs/*/{RECORDS}"))
    return read_run(directory, warn=lambda _: None)[1]


def test_what_is_killed_is_a_record_or_goes_on(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(SUITE, encoding="utf-8")
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": root}
    with subprocess.Popen(COMMAND, cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL) as runner:

        def first_worker() -> int | None:
            begun = any(tmp_path.glob(f"runs/*/{RECORDS}"))  # after the reference's own worker
            return next(iter(children(runner.pid)), None) if begun else None

        def second_round() -> list[int] | None:
            done = len(records(tmp_path)) >= 2
            return children(runner.pid) or None if done else None

        os.kill(wait_for(first_worker), signal.SIGKILL)
        workers = wait_for(second_round)
        before = records(tmp_path)
        runner.kill()
        wait_for(lambda: are_gone(workers))
    assert {record.kind for record in before if isinstance(record, Failed)} == {"crash"}
    assert "SIGKILL" in next(record.error for record in before if isinstance(record, Failed))
    subprocess.run(COMMAND, cwd=tmp_path, env=environment, check=False, capture_output=True)
    after = records(tmp_path)
    assert after[: len(before)] == before
    assert Counter((one.cell.combination, one.cell.scenario) for one in after) == Counter(CELLS)
    assert sum(isinstance(one, Failed) for one in after) == 2


def test_an_interrupted_run_says_how_to_go_on_and_a_second_start_does(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(SHORT, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        COMMAND, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True, preexec_fn=hear_interrupts
    ) as runner:

        def second_round() -> list[int] | None:
            begun = any(tmp_path.glob(f"runs/*/{RECORDS}")) and len(records(tmp_path)) >= 1
            return children(runner.pid) or None if begun else None

        workers = wait_for(second_round)
        runner.send_signal(signal.SIGINT)
        _, said = runner.communicate(timeout=PATIENCE_S)
    assert runner.returncode == 130
    assert "the same command without --fresh goes on" in " ".join(said.split())
    assert "Traceback" not in said
    wait_for(lambda: are_gone(workers))  # one that was only just started ends when its pipe does
    before = records(tmp_path)
    assert len(before) == 1
    subprocess.run(COMMAND, cwd=tmp_path, env=environment, check=True, capture_output=True)
    after = records(tmp_path)
    assert after[: len(before)] == before
    assert sorted(one.cell.combination for one in after) == ["baseline", "stock"]
