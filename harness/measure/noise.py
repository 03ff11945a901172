"""What else happens on the machine while something is timed: other programs, a hypervisor, a GPU's clocks."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psutil

from harness.conditions import Conditions, GpuConditions
from harness.measure.family import family
from harness.measure.nvml import ask, energy_mj

# What may slow a GPU down, by NVML's names; an idle GPU and clocks that someone set are no throttling.
_THROTTLING = {
    "power cap": "nvmlClocksThrottleReasonSwPowerCap",
    "hardware slowdown": "nvmlClocksThrottleReasonHwSlowdown",
    "thermal slowdown": "nvmlClocksThrottleReasonSwThermalSlowdown",
    "hardware thermal slowdown": "nvmlClocksThrottleReasonHwThermalSlowdown",
    "power brake": "nvmlClocksThrottleReasonHwPowerBrakeSlowdown",
}
_STRETCH_S = 1.0


@dataclass(frozen=True)
class _Gpu:
    mhz: int
    throttled: frozenset[str]
    foreign: int
    energy_mj: int | None  # since the driver was loaded; None where it does not count


@dataclass(frozen=True)
class Reading:
    """Counters of the machine at one moment, in seconds."""

    at_s: float
    busy_s: float  # of all cores
    stolen_s: float
    ours_s: float
    load_average: float
    gpu: _Gpu | None


def look(processes: Sequence[int], gpu: str | None, on_gpu: Sequence[int] = ()) -> Reading:
    """Read the counters.

    Args:
        processes: ids of the processes that are ours besides this one, what they started included.
        gpu: the UUID of the device that is used, or None.
        on_gpu: those of the processes that use it.
    """
    everyone = psutil.cpu_times()
    ours = []
    for pid in (os.getpid(), *_families(processes)):
        with suppress(psutil.NoSuchProcess):  # it broke just now; whoever asks it next will say so
            ours.append(psutil.Process(pid).cpu_times())
    return Reading(
        at_s=time.monotonic(),
        busy_s=everyone.user + everyone.nice + everyone.system + everyone.irq + everyone.softirq,
        stolen_s=everyone.steal,
        ours_s=sum(one.user + one.system for one in ours),
        load_average=os.getloadavg()[0],
        gpu=None if gpu is None else _look_at_gpu(gpu, tuple(_families(on_gpu))),
    )


def conditions(readings: Sequence[Reading]) -> Conditions:
    """What happened from the first of at least two readings to the last, and in the worst stretch between them."""
    before, after = readings[0], readings[-1]
    stretches = [sum(_taken(*ends)) for ends in _stretches(readings)]
    foreign, stolen = _taken(before, after)
    return Conditions(
        foreign_cores=foreign,
        stolen_cores=stolen,
        load_average=before.load_average,
        gpu=_gpu_conditions([one.gpu for one in readings if one.gpu]),
        worst_cores=max(stretches) if len(stretches) > 1 else None,
    )


def _taken(before: Reading, after: Reading) -> tuple[float, float]:
    """Cores kept busy by other programs, and by the hypervisor."""
    wall = max(after.at_s - before.at_s, 1e-9)
    foreign = after.busy_s - before.busy_s - (after.ours_s - before.ours_s)
    return max(0.0, foreign) / wall, max(0.0, after.stolen_s - before.stolen_s) / wall


def _stretches(readings: Sequence[Reading]) -> Iterator[tuple[Reading, Reading]]:
    """From one reading to a later one, all long enough for counters that tick 100 times a second."""
    begin = readings[0]
    for end in readings[1:]:
        if end.at_s - begin.at_s >= _STRETCH_S:
            yield begin, end
            begin = end


def _gpu_conditions(seen: Sequence[_Gpu]) -> GpuConditions | None:
    if len(seen) < 2:
        return None
    energy = [one.energy_mj for one in (seen[0], seen[-1]) if one.energy_mj is not None]
    return GpuConditions(
        mhz=[one.mhz for one in seen],
        throttled=sorted(frozenset[str]().union(*(one.throttled for one in seen))),
        foreign_processes=max(one.foreign for one in seen),
        energy_j=(energy[1] - energy[0]) / 1000 if len(energy) == 2 else None,
    )


def _families(processes: Sequence[int]) -> Iterator[int]:
    for pid in processes:
        with suppress(psutil.NoSuchProcess):
            yield from family(pid)


def _foreign(listed: Sequence[int], ours: Sequence[int]) -> int:
    """How many processes are not ours; counted where none is known by its id, as inside many containers."""
    named = sum(pid not in ours for pid in listed)
    return named if named < len(listed) else max(0, len(listed) - len(ours))


def _look_at_gpu(uuid: str, processes: Sequence[int]) -> _Gpu | None:
    """None where the driver does not tell."""

    def seen(driver: Any) -> _Gpu:
        handle = driver.nvmlDeviceGetHandleByUUID(uuid)
        reasons = driver.nvmlDeviceGetCurrentClocksThrottleReasons(handle)
        return _Gpu(
            mhz=driver.nvmlDeviceGetClockInfo(handle, driver.NVML_CLOCK_SM),
            throttled=frozenset(name for name, flag in _THROTTLING.items() if reasons & getattr(driver, flag)),
            foreign=_foreign([one.pid for one in driver.nvmlDeviceGetComputeRunningProcesses(handle)], processes),
            energy_mj=energy_mj(uuid),
        )

    return ask(seen)
