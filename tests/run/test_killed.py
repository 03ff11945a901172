"""A killed worker is a record, and a run that was killed or interrupted goes on when it is started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import pytest
from interrupts import hear_interrupts
from published import write_published

from harness.record import Failed, Measured, Offline, Record, SingleStream
from harness.run.store import RECORDS, read_run

TEXTS = '{"id": "phone", "text": "售价三百元", "schema": {"价格": null}}'
SUITE = """
[combinations]
optimizations = ["lean_startup"]
[texts]
datasets = ["texts.jsonl"]
[measure]
scenarios = ["single_stream", "offline", "cold_start"]
only = { cold_start = ["stock"] }
passes = 1
"""
pytestmark = pytest.mark.usefixtures("light_start")

COMMAND = [sys.executable, "-m", "harness", "run", "own.toml", "--checkpoint", "published"]
CELLS = [
    *((name, way) for name in ("baseline", "stock", "lean_startup") for way in ("single_stream", "offline")),
    ("stock", "cold_start"),
]
PATIENCE_S = 120
GONE_S = 3  # after the runner has gone, nothing of it is left
MARK = "UIEBENCH_TEST_RUN"  # in the environment of a runner, and so of all that comes of it
# Has started processes of its own, and is in a call that holds the interpreter.
BUSY = """
import signal, subprocess
for one in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
    signal.signal(one, signal.SIG_IGN)
subprocess.Popen(["/bin/sh", "-c", "trap '' TERM; sleep 600; sleep 600"], stdin=subprocess.DEVNULL)
print("busy", flush=True)
sum(range(10**12))
"""
# A runner with a worker that was closed, one that is still coming up, and a busy one.
RUNNER = f"""
import sys, time
from pathlib import Path
from harness.run import python
from harness.run.process import WorkerProcess

def start(number):
    return WorkerProcess(Path(f"{{number}}.log"), time.monotonic() + 600)

start(0).close()
coming_up = start(1)
python.command = lambda *_: [sys.executable, "-S", "-c", {BUSY!r}]
busy = start(2)
print("up", flush=True)
time.sleep(600)
"""

T = TypeVar("T")


def wait_for(what: Callable[[], T | None], patience_s: float = PATIENCE_S) -> T:
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        if (found := what()) is not None:
            return found
        time.sleep(0.02)
    raise TimeoutError(what.__name__)


def workers_of(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in children if b"harness.run.worker" in Path(f"/proc/{child}/cmdline").read_bytes()]


def left_of(mark: str) -> list[str]:
    """What every process was started as that has the mark in its environment."""
    found = []
    for process in list(Path("/proc").iterdir()):
        with suppress(OSError):  # it is no process, has ended, or is another user's
            if f"{MARK}={mark}".encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_bytes().decode())
    return found


def are_gone(processes: Sequence[int]) -> bool | None:
    return not any(Path(f"/proc/{pid}").exists() for pid in processes) or None


def records(here: Path) -> list[Record]:
    (directory,) = (path.parent for path in here.glob(f"runs/*/{RECORDS}"))
    return read_run(directory, warn=lambda _: None)[1]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_whatever_ends_a_runner_leaves_no_worker_and_nothing_that_a_worker_started(
    tmp_path: Path, how: signal.Signals
) -> None:
    mark = f"{os.getpid()}-{how.name}"
    environment = {**os.environ, MARK: mark}
    with subprocess.Popen(
        [sys.executable, "-c", RUNNER],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=hear_interrupts,
    ) as runner:
        assert runner.stdout is not None
        assert runner.stdout.readline() == "up\n"
        wait_for(lambda: "busy" in (tmp_path / "2.log").read_text() or None)
        assert len(left_of(mark)) >= 4  # the runner, two workers, and what the second one started
        runner.send_signal(how)
    wait_for(lambda: left_of(mark) == [] or None, GONE_S)


def test_what_is_killed_is_a_record_and_a_run_that_was_killed_or_interrupted_goes_on(tmp_path: Path) -> None:
    """Of the checkpoint as it is published, so that this shows too that a run takes it."""
    write_published(tmp_path / "published")
    (tmp_path / "texts.jsonl").write_text(TEXTS, encoding="utf-8")
    (tmp_path / "own.toml").write_text(SUITE, encoding="utf-8")

    def in_a_round_after(done: int, runner: subprocess.Popen[str]) -> Callable[[], list[int] | None]:
        """The workers of a round that begins when so many records are there."""

        def workers() -> list[int] | None:
            begun = any(tmp_path.glob(f"runs/*/{RECORDS}"))  # after the reference's own worker
            return workers_of(runner.pid) or None if begun and len(records(tmp_path)) >= done else None

        return workers

    def started() -> subprocess.Popen[str]:
        return subprocess.Popen(COMMAND, cwd=tmp_path, stderr=subprocess.PIPE, text=True, preexec_fn=hear_interrupts)

    with started() as runner:
        os.kill(wait_for(in_a_round_after(0, runner))[0], signal.SIGKILL)
        workers = wait_for(in_a_round_after(2, runner))
        killed = records(tmp_path)
        runner.kill()
        runner.communicate()
        wait_for(lambda: are_gone(workers), GONE_S)
    assert [one.kind for one in killed if isinstance(one, Failed)] == ["crash"] * 2 == ["crash"] * len(killed)
    assert all("SIGKILL" in one.error for one in killed if isinstance(one, Failed))

    with started() as runner:
        workers = wait_for(in_a_round_after(3, runner))
        runner.send_signal(signal.SIGINT)
        _, said = runner.communicate(timeout=PATIENCE_S)
    assert runner.returncode == 130
    assert "the same command without --fresh continues" in " ".join(said.split())
    assert "Traceback" not in said
    wait_for(lambda: are_gone(workers))  # one that was only just started ends when its pipe does
    interrupted = records(tmp_path)
    assert interrupted[:2] == killed
    assert len(interrupted) > 2

    done = subprocess.run(COMMAND, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert done.returncode == 1, "the baseline was not measured"
    after = records(tmp_path)
    assert after[: len(interrupted)] == interrupted
    assert Counter((one.cell.combination, one.cell.scenario) for one in after) == Counter(CELLS)
    measured = [one.samples for one in after if isinstance(one, Measured)]
    assert len(measured) == len(after) - 2
    assert not any(one.parity.broken for one in measured if isinstance(one, SingleStream | Offline))
