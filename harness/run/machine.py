"""Results of an earlier `selfcheck` on this machine."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from datetime import date

from harness.embedded.cache import cache_directory, own_cache
from harness.hardware import gpu_variables, kernel_variables, processor
from harness.processor import kind
from harness.run.environment import gpus

_FILE = "machine.json"


def key(device: str, threads: int) -> str:
    """A description of what the spread between processes depends on."""
    if device.startswith("cuda"):
        place = device.partition(":")[2] or "0"
        where = [", ".join(gpus()), *_written(gpu_variables()), f"cuda:{place}"]
    else:
        own = processor()
        named = kind(own.name, own.model, own.instruction_sets)
        where = [f"{named} x {len(os.sched_getaffinity(0))}", *_written(kernel_variables())]
    return ", ".join([*where, f"{threads} threads"])


def between_process_sd(device: str, threads: int) -> float | None:
    """The sd of log ratios between processes that `selfcheck` found here; None if it was not run."""
    found = _known().get(key(device, threads))
    sd = found.get("between_process_sd") if isinstance(found, dict) else None
    return sd if isinstance(sd, float) and 0 < sd < float("inf") else None


def remember(device: str, threads: int, sd: float) -> None:
    """Keep the sd for later runs."""
    path = own_cache() / _FILE
    path.write_text(json.dumps({**_known(), key(device, threads): _entry(sd)}, indent=2), encoding="utf-8")


def _written(variables: Mapping[str, str]) -> Iterator[str]:
    return (f"{name}={value}" for name, value in variables.items())


def _entry(sd: float) -> dict[str, object]:
    return {"between_process_sd": sd, "date": date.today().isoformat()}


def _known() -> dict[str, object]:
    """The contents of the file; empty if it is damaged, in which case it is overwritten later."""
    try:
        found = json.loads((cache_directory() / _FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
