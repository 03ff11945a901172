"""The memory of this process: host peaks by VmHWM, CUDA peaks by torch's allocator, its share of a GPU by NVML."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from harness.units import Bytes

_STATUS = Path("/proc/self/status")
_CLEAR_REFS = Path("/proc/self/clear_refs")
_RESET_PEAK = "5"  # see proc(5): resets VmHWM; ru_maxrss could not be reset, and a child inherits it


def peak_rss() -> Bytes | None:
    """The highest resident set since the last reset, or None where the kernel does not tell."""
    try:
        found = re.search(r"^VmHWM:\s+(\d+) kB$", _STATUS.read_text(), re.MULTILINE)
    except OSError:
        return None
    return Bytes(int(found[1]) * 1024) if found else None


def reset_peak_rss() -> bool:
    """Forget the peak; False where the kernel refuses, and a later peak means nothing."""
    try:
        _CLEAR_REFS.write_text(_RESET_PEAK)
    except OSError:
        return False
    return True


def peak_cuda(device: Any) -> Bytes | None:
    """The most that torch reserved on the device since the last reset; None on a CPU."""
    import torch

    return Bytes(torch.cuda.max_memory_reserved(device)) if device.type == "cuda" else None


def peak_cuda_allocated(device: Any) -> Bytes | None:
    """The most that tensors took on the device since the last reset; None on a CPU."""
    import torch

    return Bytes(torch.cuda.max_memory_allocated(device)) if device.type == "cuda" else None


def process_on_device(device: Any) -> Bytes | None:
    """What the driver counts for this process now, its context and libraries included.

    None on a CPU, and where NVML is missing or does not know this process (inside many containers).
    """
    if device.type != "cuda":
        return None
    import pynvml
    import torch

    try:
        pynvml.nvmlInit()
        handle = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{torch.cuda.get_device_properties(device).uuid}")
        processes = pynvml.nvmlDeviceGetComputeRunningProcesses(handle)
        pynvml.nvmlShutdown()
    except pynvml.NVMLError:
        return None
    found = next((one.usedGpuMemory for one in processes if one.pid == os.getpid()), None)
    return None if found is None else Bytes(found)


def reset_peak_cuda(device: Any) -> None:
    """Forget the device's peak."""
    import torch

    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def weights_bytes(model: Any) -> Bytes:
    """The bytes of a model's parameters and buffers, a shared storage counted once."""
    storages = {
        tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes()
        for tensor in (*model.parameters(), *model.buffers())
    }
    return Bytes(sum(storages.values()))
