"""What the driver says of GPUs, whoever uses them."""

from __future__ import annotations

from harness.units import Bytes


def used_bytes() -> dict[str, Bytes]:
    """The memory in use on each GPU, by its UUID; empty where there is no driver."""
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return {}
    try:
        handles = [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(pynvml.nvmlDeviceGetCount())]
        return {
            pynvml.nvmlDeviceGetUUID(handle): Bytes(pynvml.nvmlDeviceGetMemoryInfo(handle).used) for handle in handles
        }
    except pynvml.NVMLError:
        return {}
    finally:
        pynvml.nvmlShutdown()


def energy_mj(uuid: str) -> int | None:
    """What a GPU has taken since the driver was loaded, in millijoules; None where the driver does not count it.

    The counter moves some ten times a second, so it means something for passes of a second or more.
    """
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    try:
        return int(pynvml.nvmlDeviceGetTotalEnergyConsumption(pynvml.nvmlDeviceGetHandleByUUID(uuid)))
    except pynvml.NVMLError:
        return None
    finally:
        pynvml.nvmlShutdown()
