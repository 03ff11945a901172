from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from harness.measure.memory import heap_in_use, peak_rss, process_on_device, reset_peak_rss, weights_bytes

MIB = 1024 * 1024
CHILD = 1 << 23  # above the most ids that the kernel gives


class NVMLError(Exception):
    """As pynvml's."""


def fake_nvml(monkeypatch: pytest.MonkeyPatch, processes: list[Any], error: bool = False) -> None:
    def handle(uuid: str) -> str:
        if error:
            raise NVMLError("Not Supported")
        assert uuid == "GPU-1234"
        return "handle"

    fake = SimpleNamespace(
        NVMLError=NVMLError,
        nvmlInit=lambda: None,
        nvmlShutdown=lambda: None,
        nvmlDeviceGetHandleByUUID=handle,
        nvmlDeviceGetComputeRunningProcesses=lambda _: processes,
    )
    monkeypatch.setitem(sys.modules, "pynvml", fake)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: SimpleNamespace(uuid="1234"))


@pytest.mark.parametrize(
    ("processes", "expected"),
    [
        ([(1, 5 * MIB), (os.getpid(), 700 * MIB)], 700 * MIB),
        ([(os.getpid(), 700 * MIB), (CHILD, 300 * MIB)], 1000 * MIB),  # a second worker
        ([(CHILD, 300 * MIB)], 300 * MIB),
        ([(os.getpid(), None)], None),  # the driver does not tell
        ([(os.getpid(), 700 * MIB), (CHILD, None)], None),
        ([(1, 5 * MIB)], None),  # a container's process has another number outside
        ([], None),
    ],
)
def test_nvml_counts_this_process_and_those_that_it_started(
    monkeypatch: pytest.MonkeyPatch, processes: list[tuple[int, int | None]], expected: int | None
) -> None:
    monkeypatch.setattr("harness.measure.memory.family", lambda: (os.getpid(), CHILD))
    fake_nvml(monkeypatch, [SimpleNamespace(pid=pid, usedGpuMemory=used) for pid, used in processes])
    assert process_on_device(torch.device("cuda")) == expected


def test_without_nvml_or_a_gpu_nothing_is_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_nvml(monkeypatch, [], error=True)
    assert process_on_device(torch.device("cuda")) is None
    assert process_on_device(torch.device("cpu")) is None


def test_a_peak_is_forgotten_when_reset() -> None:
    held = b"x" * (200 * MIB)
    with_it = peak_rss()
    del held
    assert reset_peak_rss()
    without = peak_rss()
    assert with_it is not None
    assert without is not None
    assert with_it - without > 150 * MIB


HOLDS = """
import sys
held = b"x" * (100 * 1024 * 1024)
print("held", flush=True)
sys.stdin.readline()
del held
print("let go", flush=True)
sys.stdin.readline()
"""


def test_the_peak_counts_the_processes_that_were_started_and_forgets_theirs_too() -> None:
    alone = peak_rss() or 0
    with subprocess.Popen([sys.executable, "-c", HOLDS], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdin is not None
        child.stdout.readline()
        with_child = peak_rss() or 0
        child.stdin.write(b"\n")
        child.stdin.flush()
        child.stdout.readline()
        assert reset_peak_rss()
        after = peak_rss() or 0
        child.communicate()
    assert with_child - alone > 100 * MIB
    assert with_child - after > 80 * MIB


def test_a_quantized_layer_weighs_its_packed_weights() -> None:
    linear = SimpleNamespace(weight=lambda: torch.zeros(8, 8, dtype=torch.int8), bias=lambda: torch.zeros(8))
    model = SimpleNamespace(parameters=list, buffers=list, modules=lambda: [linear])
    assert weights_bytes(model) == 8 * 8 + 8 * 4


def test_a_shared_weight_counts_once() -> None:
    first, second = torch.nn.Linear(8, 8, bias=False), torch.nn.Linear(8, 8, bias=False)
    second.weight = first.weight
    assert weights_bytes(torch.nn.Sequential(first, second)) == 8 * 8 * 4


def test_what_is_kept_shows_in_the_heap_and_what_is_freed_does_not() -> None:
    before = heap_in_use()
    kept = [bytearray(10 * 1024) for _ in range(200)]
    after = heap_in_use()
    assert before is not None
    assert after is not None
    assert after - before == pytest.approx(200 * 10 * 1024, rel=0.1)
    kept.clear()
    freed = heap_in_use()
    assert freed is not None
    assert freed - before < 100 * 1024


def test_a_c_library_that_does_not_tell_its_heap_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctypes.CDLL", lambda _: SimpleNamespace())
    assert heap_in_use() is None
