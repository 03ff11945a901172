"""What is known of this machine from an earlier `selfcheck`."""

from __future__ import annotations

import json
from datetime import date

from harness.embedded.cache import cache_directory, own_cache
from harness.run.environment import environment

_FILE = "machine.json"


def key(device: str, threads: int) -> str:
    """What a spread between processes depends on, as far as it can be named."""
    known = environment()
    where = ", ".join(known["gpus"]) if device.startswith("cuda") else f"{known['processor']} x {known['cores']}"
    return f"{where}, {threads} threads"


def between_process_sd(device: str, threads: int) -> float | None:
    """The sd of log ratios between processes that `selfcheck` found here; None where it was not run."""
    try:
        found = json.loads((cache_directory() / _FILE).read_text(encoding="utf-8"))
        return float(found[key(device, threads)]["between_process_sd"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def remember(device: str, threads: int, sd: float) -> None:
    """Keep the sd for later runs."""
    path = own_cache() / _FILE
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = {}
    known[key(device, threads)] = {"between_process_sd": sd, "date": date.today().isoformat()}
    path.write_text(json.dumps(known, indent=2), encoding="utf-8")
