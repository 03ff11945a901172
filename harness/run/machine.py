"""What is known of this machine from an earlier `selfcheck`."""

from __future__ import annotations

import json
from datetime import date

from harness.embedded.cache import cache_directory
from harness.run.environment import environment

_FILE = "machine.json"


def key(device: str, threads: int) -> str:
    """What a spread between processes depends on, as far as it can be named."""
    known = environment()
    where = ", ".join(known["gpus"]) if device.startswith("cuda") else f"{known['processor']} x {known['cores']}"
    return f"{where}, {threads} threads"


def between_process_sd(device: str, threads: int) -> float | None:
    """The sd of log ratios between processes that `selfcheck` found here; None where it was not run."""
    found = _known().get(key(device, threads))
    sd = found.get("between_process_sd") if isinstance(found, dict) else None
    return sd if isinstance(sd, float) and 0 < sd < float("inf") else None


def remember(device: str, threads: int, sd: float) -> None:
    """Keep the sd for later runs."""
    path = cache_directory() / _FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**_known(), key(device, threads): _entry(sd)}, indent=2), encoding="utf-8")


def _entry(sd: float) -> dict[str, object]:
    return {"between_process_sd": sd, "date": date.today().isoformat()}


def _known() -> dict[str, object]:
    """What the file says; one that is damaged says nothing, and is written anew."""
    try:
        found = json.loads((cache_directory() / _FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
