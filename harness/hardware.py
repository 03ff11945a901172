"""This machine's processor, as far as its kernel tells."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from harness.processor import Processor, parse_cpuinfo

_KINDS = {"Data": "d", "Instruction": "i"}  # of caches; a unified one has no letter
_CPUINFO, _CACHES = Path("/proc/cpuinfo"), Path("/sys/devices/system/cpu/cpu0/cache")
# What has torch's libraries choose other kernels than the processor would get.
_KERNEL_VARIABLES = (
    "ATEN_CPU_CAPABILITY",
    "ONEDNN_MAX_CPU_ISA",
    "DNNL_MAX_CPU_ISA",
    "ONEDNN_CPU_ISA_HINTS",
    "ONEDNN_DEFAULT_FPMATH_MODE",
    "MKL_ENABLE_INSTRUCTIONS",
    "MKL_DEBUG_CPU_TYPE",
    "MKL_CBWR",
    "OPENBLAS_CORETYPE",
)

# Which GPUs a process sees, in which order: what `cuda:0` is.
_GPU_VARIABLES = ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER")


def processor() -> Processor:
    """This machine's, as far as its kernel tells."""
    try:
        text = _CPUINFO.read_text()
    except OSError:
        return Processor(platform.processor() or platform.machine())
    return parse_cpuinfo(text, platform.machine(), caches())


def caches(directory: Path = _CACHES) -> dict[str, str]:
    """The sizes of a core's caches, by level and kind (L1d, L1i, L2, L3); none where the kernel lists none."""
    found = {}
    for index in sorted(directory.glob("index*")):
        try:
            level, kind, size = ((index / name).read_text().strip() for name in ("level", "type", "size"))
        except OSError:  # a hypervisor may leave a file out
            continue
        found[f"L{level}{_KINDS.get(kind, '')}"] = size
    return found


def kernel_variables() -> dict[str, str]:
    """The environment's variables, as far as they are set, that have libraries choose other kernels."""
    return {name: os.environ[name] for name in _KERNEL_VARIABLES if name in os.environ}


def gpu_variables() -> dict[str, str]:
    """The environment's variables, as far as they are set, that decide which GPU a device's name stands for."""
    return {name: os.environ[name] for name in _GPU_VARIABLES if name in os.environ}
