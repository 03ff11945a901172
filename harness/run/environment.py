"""What a run ran on: versions, processor, load, GPU."""

from __future__ import annotations

import os
import platform
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

from harness import __version__
from harness.measure.latency import single_stream
from harness.processor import Processor, parse_cpuinfo

_DISTRIBUTIONS = ("torch", "transformers", "tokenizers", "safetensors", "numpy", "flash-attn")
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


def environment() -> dict[str, Any]:
    """What can change a measurement, as far as this machine tells it."""
    own = processor()
    return {
        "uiebench": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": own.name,
        "processor_model": own.model,
        "processor_stepping": own.stepping,
        "instruction_sets": list(own.instruction_sets),
        "caches": dict(own.caches),
        "kernel_variables": kernel_variables(),
        "cores": len(os.sched_getaffinity(0)),
        "load_average": list(os.getloadavg()),
        "packages": packages(),
        "gpus": gpus(),
        "timer": timer(),
    }


def timer() -> dict[str, int]:
    """The clock's resolution, and what timing a request that does nothing reads (the median), in nanoseconds."""
    nothing, _ = single_stream(lambda _: None, range(1000), synchronize=lambda: None)
    return {
        "resolution_ns": round(time.get_clock_info("perf_counter").resolution * 1e9),
        "overhead_ns": round(median(nothing)),
    }


def packages() -> dict[str, str]:
    """The versions of the libraries that change what is measured, as far as they are installed."""
    return {name: found for name in _DISTRIBUTIONS if (found := _version(name))}


def gpus() -> list[str]:
    """The GPUs that the driver names; none where there is no driver."""
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return []
    try:
        handles = [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(pynvml.nvmlDeviceGetCount())]
        driver = pynvml.nvmlSystemGetDriverVersion()
        return [f"{pynvml.nvmlDeviceGetName(handle)}, driver {driver}" for handle in handles]
    finally:
        pynvml.nvmlShutdown()


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


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
