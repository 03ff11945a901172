"""Units of measure in types, with how a person reads them."""

from __future__ import annotations

import re
from typing import NewType

from harness.errors import InputError

Nanoseconds = NewType("Nanoseconds", int)
Bytes = NewType("Bytes", int)

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000
MIB = 1024 * 1024


def format_ms(nanoseconds: float) -> str:
    """A latency in milliseconds with three significant figures."""
    value = nanoseconds / NS_PER_MS
    return f"{value:.0f} ms" if value >= 100 else f"{value:.1f} ms" if value >= 10 else f"{value:.2f} ms"


def format_bytes(count: float) -> str:
    """A size in MiB or GiB."""
    return f"{count / MIB / 1024:.2f} GiB" if count >= 1024 * MIB else f"{count / MIB:.0f} MiB"


def format_seconds(seconds: float) -> str:
    """A duration: ``3.2 s`` or ``4 min 05 s``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds // 60)} min {int(seconds % 60):02d} s"


def parse_duration(written: str) -> float:
    """Seconds from ``800ms``, ``90s``, ``45m`` or ``1.5h``.

    Raises:
        InputError: it is no duration, has no unit, or is not above 0.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h)", written.strip())
    if match is None or not float(match[1]):
        raise InputError(f"{written!r} is no duration; write 800ms, 90s, 45m or 1.5h")
    return float(match[1]) * {"h": 3600, "m": 60, "ms": 1e-3}.get(match[2], 1)


def parse_bytes(written: str) -> int:
    """Bytes from ``512MiB``, ``2GiB``, ``2GB`` or ``4096B``.

    Raises:
        InputError: it is no size, or none above 0.
    """
    sizes = {"B": 1, "KIB": 1024, "MIB": MIB, "GIB": 1024 * MIB, "KB": 10**3, "MB": 10**6, "GB": 10**9}
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Za-z]+)", written.strip())
    if match is None or match[2].upper() not in sizes or not float(match[1]):
        raise InputError(f"{written!r} is no size; write 512MiB, 2GiB or 2GB")
    return round(float(match[1]) * sizes[match[2].upper()])
