"""What the driver says, and what becomes of it in a pair and in a row."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pynvml
import pytest

from harness.analyse.compare import compare
from harness.doctor import _machine
from harness.measure.nvml import cpus_near, cpus_near_each, energy_mj, used_bytes
from harness.record import (
    BASELINE,
    RECORD_VERSION,
    Cell,
    Header,
    Measured,
    Memory,
    Parity,
    Record,
    SingleStream,
    StartUp,
)
from harness.run import protocol as say
from harness.run.environment import environment, gpus
from harness.run.executors.weighing import Weighing


class DriverError(Exception):
    """As pynvml's."""


def lost(*_: object) -> None:
    raise DriverError("Not Supported")


def fake_nvml(
    monkeypatch: pytest.MonkeyPatch, used: list[int], *, energy: int | None = 7000, there: bool = True
) -> None:
    def init() -> None:
        if not there:
            raise DriverError

    def consumed(uuid: str) -> int:
        if energy is None or uuid != "GPU-a":
            raise DriverError
        return energy

    fake = SimpleNamespace(
        NVMLError=DriverError,
        nvmlInit=init,
        nvmlShutdown=lambda: None,
        nvmlDeviceGetCount=lambda: 2,
        nvmlDeviceGetHandleByIndex=lambda i: f"GPU-{'ab'[i]}",
        nvmlDeviceGetHandleByUUID=lambda uuid: uuid,
        nvmlDeviceGetUUID=lambda handle: handle,
        nvmlDeviceGetName=lambda handle: f"NVIDIA {handle}",
        nvmlSystemGetDriverVersion=lambda: "570",
        nvmlDeviceGetMemoryInfo=lambda handle: SimpleNamespace(used=used.pop(0) if handle == "GPU-a" else 5),
        nvmlDeviceGetTotalEnergyConsumption=consumed,
        nvmlDeviceGetComputeMode=lambda _: pynvml.NVML_COMPUTEMODE_DEFAULT,
        nvmlDeviceGetMigMode=lost,
        NVML_COMPUTEMODE_EXCLUSIVE_PROCESS=pynvml.NVML_COMPUTEMODE_EXCLUSIVE_PROCESS,
        NVML_COMPUTEMODE_PROHIBITED=pynvml.NVML_COMPUTEMODE_PROHIBITED,
        nvmlDeviceGetIndex=lambda handle: "ab".index(handle[-1]),
        nvmlDeviceGetCpuAffinity=lambda _, words: [0] * words,
        nvmlDeviceGetPciInfo=lambda handle: SimpleNamespace(busId=f"00000000:3{handle[-1].upper()}:00.0"),
    )
    monkeypatch.setattr("harness.measure.nvml._PCI", Path("nowhere"))
    monkeypatch.setitem(sys.modules, "pynvml", fake)


def test_memory_in_use_is_by_device(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_nvml(monkeypatch, [100])
    assert used_bytes() == {"GPU-a": 100, "GPU-b": 5}


def test_without_a_driver_nothing_is_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_nvml(monkeypatch, [], there=False)
    assert used_bytes() == {}
    assert energy_mj("GPU-a") is None


@pytest.mark.parametrize("broken", ["nvmlDeviceGetCount", "nvmlSystemGetDriverVersion", "nvmlShutdown"])
def test_a_driver_that_breaks_ends_no_run(monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    def lost(*_: object) -> None:
        raise DriverError("Unknown Error")

    fake_nvml(monkeypatch, [])
    assert gpus() == ["NVIDIA GPU-a, driver 570", "NVIDIA GPU-b, driver 570"]
    monkeypatch.setattr(sys.modules["pynvml"], broken, lost)
    assert all("does not answer" in one for one in gpus())
    assert environment()["gpus"] == gpus()


def test_a_gpu_that_is_lost_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def handle(place: int) -> str:
        if place == 0:
            raise DriverError("GPU is lost")
        return "GPU-b"

    fake_nvml(monkeypatch, [])
    monkeypatch.setattr(sys.modules["pynvml"], "nvmlDeviceGetHandleByIndex", handle)
    assert gpus() == ["GPU 0 does not answer: GPU is lost", "NVIDIA GPU-b, driver 570"]
    assert used_bytes() == {"GPU-b": 5}


@pytest.mark.parametrize(
    ("energy", "uuid", "found"), [(7000, "GPU-a", 7000), (None, "GPU-a", None), (1, "GPU-x", None)]
)
def test_energy_is_told_where_it_is_counted(
    monkeypatch: pytest.MonkeyPatch, energy: int | None, uuid: str, found: int | None
) -> None:
    fake_nvml(monkeypatch, [], energy=energy)
    assert energy_mj(uuid) == found


@pytest.mark.parametrize(
    ("modes", "cut", "said"),
    [
        ((0, 0), (0, None), []),
        ((3, 0), (0, None), ["NVIDIA GPU-a is in exclusive compute mode"]),
        ((0, 2), (1, None), ["NVIDIA GPU-a is cut into instances (MIG)", "NVIDIA GPU-b lets no process in"]),
    ],
)
def test_what_keeps_processes_from_a_gpu_is_named_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, modes: tuple[int, int], cut: tuple[int, int | None], said: list[str]
) -> None:
    def mig(handle: str) -> list[int]:
        current = cut[("GPU-a", "GPU-b").index(handle)]
        if current is None:
            raise DriverError("Not Supported")
        return [current, 0]

    fake_nvml(monkeypatch, [])
    for name, value in {
        "nvmlDeviceGetComputeMode": lambda handle: modes[("GPU-a", "GPU-b").index(handle)],
        "nvmlDeviceGetMigMode": mig,
        "NVML_DEVICE_MIG_ENABLE": pynvml.NVML_DEVICE_MIG_ENABLE,
    }.items():
        monkeypatch.setattr(sys.modules["pynvml"], name, value, raising=False)
    found = [one.said for one in _machine() if one.about == "GPUs"][1:]
    assert [one.partition(" which")[0].partition(":")[0].rstrip(",") for one in found] == said
    assert all("nvidia-smi --" in one for one in found)


@pytest.mark.parametrize(("words", "cpus"), [([0b1101], {0, 2, 3}), ([0, 0b11, 0], {64, 65}), ([1 << 63], {63})])
def test_the_cpus_near_a_gpu_are_the_bits_that_the_driver_sets(
    monkeypatch: pytest.MonkeyPatch, words: list[int], cpus: set[int]
) -> None:
    fake_nvml(monkeypatch, [])
    monkeypatch.setattr(sys.modules["pynvml"], "nvmlDeviceGetCpuAffinity", lambda _, __: words)
    assert cpus_near("GPU-a") == cpus
    assert cpus_near_each() == {"GPU 0 (NVIDIA GPU-a)": cpus, "GPU 1 (NVIDIA GPU-b)": cpus}


@pytest.mark.parametrize("bus", ["00000000:3B:00.0", b"00000000:3B:00.0", "0000:3b:00.0"])
def test_where_the_driver_does_not_tell_them_the_kernel_is_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bus: str | bytes
) -> None:
    (tmp_path / "0000:3b:00.0").mkdir()
    (tmp_path / "0000:3b:00.0" / "local_cpulist").write_text("2-4,8\n")
    fake_nvml(monkeypatch, [])
    monkeypatch.setattr("harness.measure.nvml._PCI", tmp_path)
    monkeypatch.setattr(sys.modules["pynvml"], "nvmlDeviceGetPciInfo", lambda _: SimpleNamespace(busId=bus))
    for affinity in (lost, lambda _, words: [0] * words):
        monkeypatch.setattr(sys.modules["pynvml"], "nvmlDeviceGetCpuAffinity", affinity)
        assert cpus_near("GPU-a") == {2, 3, 4, 8}


def test_where_nobody_tells_them_none_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_nvml(monkeypatch, [])
    assert cpus_near("GPU-a") == frozenset()
    monkeypatch.setattr(sys.modules["pynvml"], "nvmlDeviceGetPciInfo", lost)
    assert cpus_near("GPU-a") == frozenset()
    assert cpus_near_each() == {}
    fake_nvml(monkeypatch, [], there=False)
    assert cpus_near("GPU-a") == frozenset()


def test_doctor_says_on_which_cores_the_processes_of_a_gpu_run(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_nvml(monkeypatch, [])
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1, 2})
    near = {"GPU-a": [0b110], "GPU-b": [0b11000]}
    monkeypatch.setattr(sys.modules["pynvml"], "nvmlDeviceGetCpuAffinity", lambda handle, _: near[handle])
    found = [(one.state, one.said) for one in _machine() if one.about == "cores near GPUs"]
    assert found == [
        ("fine", "GPU 0 (NVIDIA GPU-a): its processes run on cores 1-2, near the GPU"),
        (
            "note",
            "GPU 1 (NVIDIA GPU-b): its processes run on cores 0-2: those near the GPU, 3-4, are not for it to use",
        ),
    ]


class Process:
    """A worker that is up at once, on a GPU."""

    def tell(self, command: Any) -> None:
        pass

    def hear(self, kind: type) -> Any:
        if kind is say.Weighed:
            return say.Weighed(Memory(1))
        return say.Ready(StartUp(1, 1, 1), {"gpu_uuid": "GPU-a"}) if kind is say.Ready else say.Warm(6, steady=True)

    def close(self) -> None:
        pass


@pytest.mark.parametrize(("alone", "found"), [(True, 3000), (False, None)])
def test_the_devices_total_is_what_a_process_added_that_came_up_alone(
    monkeypatch: pytest.MonkeyPatch, alone: bool, found: int | None
) -> None:
    fake_nvml(monkeypatch, [1000, 4000, 9999])
    weighing = Weighing(lambda *_, **__: cast("Any", Process()), ["own"], alone=alone, places=[])
    assert weighing.results()["own"].memory.cuda_device_bytes == found


def stream(device_bytes: int | None, energy: list[int]) -> SingleStream:
    return SingleStream(
        own_ns=[[10, 20], [10, 20]],
        partner_ns=[[10, 20], [10, 20]],
        own_cpu_ns=[30, 30],
        parity=Parity(2),
        memory=Memory(1, cuda_device_bytes=device_bytes),
        own_energy_mj=energy,
    )


def test_a_row_knows_the_total_of_any_round_and_the_energy_of_a_request() -> None:
    header = Header(RECORD_VERSION, "s", "k", "c", 0, "cuda", "base", ["a", "b"], {BASELINE: True}, {})
    cell = Cell(BASELINE, "single_stream", "t", "cuda")
    rounds = [stream(3000, [4000, 6000]), stream(None, [5000, 5000])]
    records: list[Record] = [Measured(cell, i, one) for i, one in enumerate(rounds)]
    (row,), _ = compare(header, records)
    assert row.memory is not None
    assert row.memory.cuda_device_bytes == 3000
    assert row.energy_j == pytest.approx(20 / 8)
    (without,), _ = compare(header, [Measured(cell, 0, stream(None, []))])
    assert without.energy_j is None
