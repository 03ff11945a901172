"""Processes that are compared run on the same cores."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.measure.cores import listed, ranges
from harness.measure.pinning import keep_near, together

TWO_THREADS = """
import sys, threading
threading.Thread(target=sys.stdin.read).start()
print(flush=True)
"""


def cores(process: int) -> list[set[int]]:
    return [os.sched_getaffinity(int(task.name)) for task in Path(f"/proc/{process}/task").iterdir()]


@pytest.fixture
def processes() -> Iterator[list[int]]:
    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", TWO_THREADS], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    with start() as one, start() as other:
        for each in (one, other):
            assert each.stdout is not None
            each.stdout.readline()
        yield [one.pid, other.pid]
        for each in (one, other):
            each.communicate()


def test_all_threads_of_all_are_kept_on_the_last_cores_and_let_go(processes: list[int]) -> None:
    ours = os.sched_getaffinity(0)
    with together(processes, 1):
        assert [cores(process) for process in processes] == [[{max(ours)}] * 2] * 2
    assert [cores(process) for process in processes] == [[ours] * 2] * 2


def test_they_are_let_go_after_a_fault_and_one_that_has_ended_is_nobodys_fault(processes: list[int]) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    with pytest.raises(ValueError, match="boom"), together([ended.pid, *processes], 1):
        raise ValueError("boom")
    assert cores(processes[0]) == [os.sched_getaffinity(0)] * 2


KEPT_NEAR = """
import os, threading
from pathlib import Path
from harness.measure import pinning
pinning.cpus_near = lambda gpu: frozenset({max(os.sched_getaffinity(0)), 100_000})
threading.Thread(target=threading.Event().wait, daemon=True).start()
print(pinning.keep_near("GPU-1"))
print(sorted({core for task in Path("/proc/self/task").iterdir() for core in os.sched_getaffinity(int(task.name))}))
"""


def test_all_threads_of_a_process_are_kept_near_its_gpu_as_far_as_they_may_be() -> None:
    done = subprocess.run([sys.executable, "-c", KEPT_NEAR], capture_output=True, text=True, check=True)
    last = max(os.sched_getaffinity(0))
    assert done.stdout.splitlines() == [f"cores {last}, near the GPU", f"[{last}]"]


@pytest.mark.parametrize(
    ("near", "ours", "kept", "said"),
    [
        ({0, 1, 2, 3, 8}, {2, 3, 4, 8}, {2, 3, 8}, "cores 2-3,8, near the GPU"),
        ({0, 1, 2, 3}, {2}, {2}, "cores 2, near the GPU"),
        ({0, 1}, {2, 3}, None, "cores 2-3: those near the GPU, 0-1, are not for it to use"),
        (set(), {2, 3}, None, "any core: neither the driver nor the kernel tells which are near the GPU"),
    ],
)
def test_a_process_stays_where_it_may_be_and_says_where_that_is(
    monkeypatch: pytest.MonkeyPatch, near: set[int], ours: set[int], kept: set[int] | None, said: str
) -> None:
    asked: list[tuple[list[int], set[int]]] = []
    monkeypatch.setattr("harness.measure.pinning.cpus_near", lambda _: frozenset(near))
    monkeypatch.setattr("harness.measure.pinning._keep", lambda *given: asked.append(given))
    monkeypatch.setattr("os.sched_getaffinity", lambda _: ours)
    assert keep_near("GPU-1") == said
    assert asked == ([] if kept is None else [([os.getpid()], kept)])


@pytest.mark.parametrize("written", ["", "5", "0-3", "0-3,8", "0,2,4-5,100-4095"])
def test_a_list_of_cores_is_read_and_written_as_the_kernel_does(written: str) -> None:
    assert ranges(list(listed(written))) == written


def test_as_many_cores_as_there_are_change_nothing(processes: list[int]) -> None:
    ours = os.sched_getaffinity(0)
    with together(processes, len(ours) + 1):
        assert cores(processes[0]) == [ours] * 2
