"""Processes that are compared run on the same cores."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.measure.pinning import together

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


def test_as_many_cores_as_there_are_change_nothing(processes: list[int]) -> None:
    ours = os.sched_getaffinity(0)
    with together(processes, len(ours) + 1):
        assert cores(processes[0]) == [ours] * 2
