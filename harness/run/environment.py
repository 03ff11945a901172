"""The environment of a run: versions, processor, load, GPU."""

from __future__ import annotations

import os
import platform
import time
from importlib.metadata import PackageNotFoundError, version
from statistics import median
from typing import Any

import msgspec

from harness import __version__
from harness.hardware import gpu_variables, kernel_variables, processor
from harness.measure.latency import single_stream
from harness.measure.nvml import each
from harness.measure.tuning import tuning
from harness.tuning import TUNING

_DISTRIBUTIONS = ("torch", "transformers", "tokenizers", "safetensors", "numpy", "flash-attn")


def environment() -> dict[str, Any]:
    """What can change a measurement, as far as it can be read on this machine."""
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
        TUNING: msgspec.to_builtins(tuning()),
        "cores": len(os.sched_getaffinity(0)),
        "load_average": list(os.getloadavg()),
        "packages": packages(),
        "gpus": gpus(),
        "gpu_variables": gpu_variables(),
        "timer": timer(),
    }


def timer() -> dict[str, int]:
    """The clock's resolution and the median time measured for an empty request, in nanoseconds."""
    nothing, _ = single_stream(lambda _: None, range(1000), synchronize=lambda: None)
    return {
        "resolution_ns": round(time.get_clock_info("perf_counter").resolution * 1e9),
        "overhead_ns": round(median(nothing)),
    }


def packages() -> dict[str, str]:
    """The versions of the installed libraries that affect measurements."""
    return {name: found for name in _DISTRIBUTIONS if (found := _version(name))}


def gpus() -> list[str]:
    """The GPUs by the driver's names; empty if there is no driver."""

    def named(driver: Any, handle: Any) -> str:
        return f"{driver.nvmlDeviceGetName(handle)}, driver {driver.nvmlSystemGetDriverVersion()}"

    return each(named)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
