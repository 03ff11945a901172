from __future__ import annotations

import os
import sys
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from harness.measure.memory import peak_rss, process_on_device, reset_peak_rss, weights_bytes

MIB = 1024 * 1024


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
        ([(os.getpid(), None)], None),  # the driver does not tell
        ([(1, 5 * MIB)], None),  # a container's process has another number outside
        ([], None),
    ],
)
def test_nvml_counts_this_process_alone(
    monkeypatch: pytest.MonkeyPatch, processes: list[tuple[int, int | None]], expected: int | None
) -> None:
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


def test_a_shared_weight_counts_once() -> None:
    first, second = torch.nn.Linear(8, 8, bias=False), torch.nn.Linear(8, 8, bias=False)
    second.weight = first.weight
    assert weights_bytes(torch.nn.Sequential(first, second)) == 8 * 8 * 4
