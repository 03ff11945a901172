"""What is called fp32 is computed in fp32, whatever the process was told before."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from harness import Extractor
from harness.baseline.loading import check_device
from harness.baseline.precision import products
from harness.errors import PlatformError

LOADS = """
import sys, torch
from harness import Extractor
before = torch.backends.cuda.matmul.allow_tf32
Extractor.load(sys.argv[1])
print(before, torch.backends.cuda.matmul.allow_tf32, torch.get_float32_matmul_precision())
"""


def test_a_variable_of_torchs_that_lets_it_round_is_undone(golden: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADS, str(golden)],
        env=os.environ | {"TORCH_ALLOW_TF32_CUBLAS_OVERRIDE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["True", "False", "highest"]


@pytest.mark.parametrize("before", ["high", "medium"])
def test_what_a_program_has_set_before_is_undone(golden: Path, before: str) -> None:
    torch.set_float32_matmul_precision(before)
    assert products() == before
    Extractor.load(golden)
    assert products() == "highest"


def test_a_precision_that_was_set_in_two_ways_is_told_as_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def mixed() -> str:
        raise RuntimeError("you have used a mix of the legacy and new APIs")

    monkeypatch.setattr(torch, "get_float32_matmul_precision", mixed)
    assert products() == "unknown (you have used a mix of the legacy and new APIs)"


@pytest.mark.parametrize("value", ["0", "1"])
def test_a_variable_that_no_program_can_undo_is_refused_on_a_gpu(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", value)
    assert check_device("cpu").type == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(PlatformError, match=f"NVIDIA_TF32_OVERRIDE={value} .*; unset it"):
        check_device("cuda")
    monkeypatch.delenv("NVIDIA_TF32_OVERRIDE")
    assert check_device("cuda").type == "cuda"
