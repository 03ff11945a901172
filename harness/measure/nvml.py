"""What the driver says of GPUs, whoever uses them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from harness.measure.cores import listed
from harness.units import Bytes

_Answer = TypeVar("_Answer")
_CPU_WORDS, _WORD_BITS = 64, 64  # more CPUs than any machine has
_PCI = Path("/sys/bus/pci/devices")


def ask(question: Callable[[Any], _Answer]) -> _Answer | None:
    """What the driver answers; None where there is none, and where it does not tell, a lost GPU for instance.

    Args:
        question: given `pynvml`, ready to be asked.
    """
    import pynvml

    try:
        pynvml.nvmlInit()
        try:
            return question(pynvml)
        finally:
            pynvml.nvmlShutdown()
    except pynvml.NVMLError:
        return None


def each(question: Callable[[Any, Any], _Answer]) -> list[_Answer | str]:
    """What the driver answers to a question about each GPU, in its order; in place of an answer why there is none.

    Args:
        question: given `pynvml` and the handle of a GPU.
    """

    def of(driver: Any, place: int) -> _Answer | str:
        try:
            return question(driver, driver.nvmlDeviceGetHandleByIndex(place))
        except driver.NVMLError as error:
            return f"GPU {place} does not answer: {error}"

    return ask(lambda driver: [of(driver, place) for place in range(driver.nvmlDeviceGetCount())]) or []


def used_bytes() -> dict[str, Bytes]:
    """The memory in use on each GPU that tells it, by its UUID; empty where there is no driver."""

    def used(driver: Any, handle: Any) -> tuple[str, Bytes]:
        return driver.nvmlDeviceGetUUID(handle), Bytes(driver.nvmlDeviceGetMemoryInfo(handle).used)

    return dict(found for found in each(used) if not isinstance(found, str))


def energy_mj(uuid: str) -> int | None:
    """What a GPU has taken since the driver was loaded, in millijoules; None where the driver does not count it.

    The counter moves some ten times a second, so it means something for passes of a second or more.
    """

    def consumed(driver: Any) -> int:
        return int(driver.nvmlDeviceGetTotalEnergyConsumption(driver.nvmlDeviceGetHandleByUUID(uuid)))

    return ask(consumed)


def cpus_near(uuid: str) -> frozenset[int]:
    """The CPUs of the memory node that a GPU is attached to; empty where neither the driver nor the kernel tells."""
    return ask(lambda driver: _near(driver, driver.nvmlDeviceGetHandleByUUID(uuid))) or frozenset()


def cpus_near_each() -> dict[str, frozenset[int]]:
    """The same of each GPU, by its place and name; without those that do not answer."""

    def of(driver: Any, handle: Any) -> tuple[str, frozenset[int]]:
        name = f"GPU {driver.nvmlDeviceGetIndex(handle)} ({driver.nvmlDeviceGetName(handle)})"
        return name, _near(driver, handle)

    return dict(found for found in each(of) if not isinstance(found, str))


def _near(driver: Any, handle: Any) -> frozenset[int]:
    try:
        words = list(driver.nvmlDeviceGetCpuAffinity(handle, _CPU_WORDS))
    except driver.NVMLError:  # not on every system
        words = []
    bits = range(_WORD_BITS)
    told = frozenset(_WORD_BITS * place + bit for place, word in enumerate(words) for bit in bits if word >> bit & 1)
    return told or _by_kernel(driver.nvmlDeviceGetPciInfo(handle).busId)


def _by_kernel(bus: str | bytes) -> frozenset[int]:
    """Of a device on a bus, such as 00000000:3B:00.0, whose domain the kernel writes with four digits."""
    written = bus.decode() if isinstance(bus, bytes) else bus
    try:
        return frozenset(listed((_PCI / written[-12:].lower() / "local_cpulist").read_text()))
    except OSError:
        return frozenset()


def hindrances() -> list[str]:
    """A sentence on each setting of a GPU that keeps several processes from having all of it."""

    def of(driver: Any, handle: Any) -> list[str]:
        name, mode = driver.nvmlDeviceGetName(handle), driver.nvmlDeviceGetComputeMode(handle)
        found = []
        if mode == driver.NVML_COMPUTEMODE_EXCLUSIVE_PROCESS:
            found.append(
                f"{name} is in exclusive compute mode, which lets one process in, and a round has up to three: set "
                "another (nvidia-smi --compute-mode=DEFAULT), or run the MPS server"
            )
        if mode == driver.NVML_COMPUTEMODE_PROHIBITED:
            found.append(f"{name} lets no process in: set another compute mode (nvidia-smi --compute-mode=DEFAULT)")
        if _is_cut(driver, handle):
            found.append(
                f"{name} is cut into instances (MIG): a process gets one of them, and the driver tells neither its "
                "clocks nor its energy; for figures of the whole GPU switch MIG off (nvidia-smi --multi-instance-gpu=0)"
            )
        return found

    return [said for of_one in each(of) if not isinstance(of_one, str) for said in of_one]


def _is_cut(driver: Any, handle: Any) -> bool:
    try:
        now, _ = driver.nvmlDeviceGetMigMode(handle)
    except driver.NVMLError:  # most GPUs cannot be
        return False
    return bool(now == driver.NVML_DEVICE_MIG_ENABLE)
