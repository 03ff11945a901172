"""The memory of this process: host peaks by VmHWM, its children's too, CUDA peaks by torch, a GPU's share by NVML."""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from harness.measure.family import children, family
from harness.measure.nvml import ask
from harness.units import Bytes

_PROC = Path("/proc")
_OF_MALLINFO2 = (
    *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
    *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
)
_RESET_PEAK = "5"  # see proc(5): resets VmHWM; ru_maxrss could not be reset, and a child inherits it


def peak_rss() -> Bytes | None:
    """The highest resident set since the last reset, or None where the kernel does not tell.

    The processes that this one started count too, each with its own peak: a sum that is never too small.
    """
    own = peak_rss_of(os.getpid())
    return None if own is None else Bytes(own + sum(peak_rss_of(child) or 0 for child in children()))


def reset_peak_rss() -> bool:
    """Forget the peaks; False where the kernel refuses, and a later peak means nothing."""
    for child in children():
        reset_peak_rss_of(child)  # one that has just ended has nothing to forget
    return reset_peak_rss_of(os.getpid())


def peak_rss_of(process: int) -> int | None:
    """The highest resident set of one process since the last reset, or None where it cannot be read."""
    try:
        found = re.search(r"^VmHWM:\s+(\d+) kB$", (_PROC / str(process) / "status").read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None  # a process that has ended has no such line


def _resident(process: int) -> int | None:
    try:
        return int((_PROC / str(process) / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return None


class _Mallinfo2(ctypes.Structure):
    """See mallinfo(3)."""

    _fields_ = [(name, ctypes.c_size_t) for name in _OF_MALLINFO2]


def heap_in_use() -> Bytes | None:
    """What the program has allocated and not freed, or None where the C library does not tell (glibc before 2.33).

    A leak shows here at once. In the resident set it hides for long, because memory that was freed is still resident
    and is taken again. Python's small objects lie elsewhere and are not counted.
    """
    try:
        ask = ctypes.CDLL(None).mallinfo2
    except AttributeError:
        return None
    ask.restype = _Mallinfo2
    found = ask()
    return Bytes(found.uordblks + found.hblkhd)


def reset_peak_rss_of(process: int) -> bool:
    """Forget the peak of one process; False where the kernel refuses."""
    try:
        (_PROC / str(process) / "clear_refs").write_text(_RESET_PEAK)
    except OSError:
        return False
    return True


def resident(processes: Iterable[int]) -> Bytes | None:
    """The resident sets of processes now, those that have ended left out; None where the kernel does not tell."""
    found = [size for process in processes if (size := _resident(process)) is not None]
    return Bytes(sum(found)) if found else None


def allocated_cuda(device: Any) -> Bytes | None:
    """What tensors take on the device now; None on a CPU."""
    if device.type != "cuda":
        return None
    import torch

    # `memory_allocated` makes a sorted flat list of all hundred figures first, which takes several times as long.
    figures = torch.cuda.memory_stats_as_nested_dict(device)
    return Bytes(figures["allocated_bytes"]["all"]["current"]) if figures else Bytes(0)


def peak_cuda(device: Any) -> Bytes | None:
    """The most that torch reserved on the device since the last reset; None on a CPU."""
    import torch

    return Bytes(torch.cuda.max_memory_reserved(device)) if device.type == "cuda" else None


def peak_cuda_allocated(device: Any) -> Bytes | None:
    """The most that tensors took on the device since the last reset; None on a CPU."""
    import torch

    return Bytes(torch.cuda.max_memory_allocated(device)) if device.type == "cuda" else None


def uuid_of(device: Any) -> str:
    """What the driver calls a GPU of torch's."""
    import torch

    return f"GPU-{torch.cuda.get_device_properties(device).uuid}"


def process_on_device(device: Any) -> Bytes | None:
    """What the driver counts for this process and those that it started now, contexts and libraries included.

    None on a CPU, and where NVML is missing or knows none of them (inside many containers).
    """
    if device.type != "cuda":
        return None
    uuid = uuid_of(device)

    def listed(driver: Any) -> Any:
        return driver.nvmlDeviceGetComputeRunningProcesses(driver.nvmlDeviceGetHandleByUUID(uuid))

    ours = family()
    found = [one.usedGpuMemory for one in ask(listed) or () if one.pid in ours]
    return None if not found or None in found else Bytes(sum(found))


def reset_peak_cuda(device: Any) -> None:
    """Forget the device's peak."""
    import torch

    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def weights_bytes(model: Any, frozen: Iterable[Any] = ()) -> Bytes:
    """The bytes of a model's parameters and buffers, of its quantized layers and of what frozen graphs hold beside it.

    A storage that several tensors share counts once.
    """
    storages = dict(_storage(tensor) for tensor in (*model.parameters(), *model.buffers(), *frozen))
    # A quantized layer keeps its weights packed, as no parameter; `weight` and `bias` are methods that copy them.
    packed = [module for module in model.modules() if callable(getattr(module, "weight", None))]
    copies = (tensor for module in packed for tensor in (module.weight(), module.bias()) if tensor is not None)
    return Bytes(sum(storages.values()) + sum(tensor.nbytes for tensor in copies))


def _storage(tensor: Any) -> tuple[int, int]:
    """Where a tensor's numbers are, and how many bytes; a packed one hides where, so it stands for itself."""
    if tensor.is_mkldnn:
        return id(tensor), tensor.numel() * tensor.element_size()
    return tensor.untyped_storage().data_ptr(), tensor.untyped_storage().nbytes()
