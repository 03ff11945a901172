"""What `selfcheck` found is remembered for the machine that it was found on, and for no other of the same name."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.embedded.cache import VARIABLE
from harness.processor import Processor
from harness.run import machine

ROME = Processor("AMD EPYC", "family 23, model 49", instruction_sets=("avx2",))
TURIN = Processor("AMD EPYC", "family 26, model 2", instruction_sets=("avx2", "avx512f"))


def test_a_spread_is_remembered_by_the_processors_instruction_sets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    monkeypatch.setattr(machine, "processor", lambda: ROME)
    machine.remember("cpu", 1, 0.02)
    assert machine.between_process_sd("cpu", 1) == 0.02
    assert machine.between_process_sd("cpu", 2) is None
    monkeypatch.setattr(machine, "processor", lambda: TURIN)
    assert machine.between_process_sd("cpu", 1) is None
    monkeypatch.setattr(machine, "processor", lambda: ROME)
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "default")
    assert machine.between_process_sd("cpu", 1) is None


def test_a_gpu_is_remembered_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    monkeypatch.setattr(machine, "gpus", lambda: ["T4, driver 1"])
    machine.remember("cuda", 1, 0.01)
    monkeypatch.setattr(machine, "processor", lambda: TURIN)
    assert machine.between_process_sd("cuda:0", 1) == 0.01
    monkeypatch.setattr(machine, "gpus", lambda: ["A10, driver 1"])
    assert machine.between_process_sd("cuda", 1) is None


def test_of_two_gpus_each_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    monkeypatch.setattr(machine, "gpus", lambda: ["H200, driver 1", "T4, driver 1"])
    machine.remember("cuda:1", 1, 0.01)
    assert machine.between_process_sd("cuda:0", 1) is None
    for place, sd in (("0", 0.02), ("1", 0.03)):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", place)
        assert machine.between_process_sd("cuda", 1) is None
        machine.remember("cuda", 1, sd)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert machine.between_process_sd("cuda", 1) == 0.02
