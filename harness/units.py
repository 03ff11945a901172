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
_SHOWN = 60  # characters of what was written, in a message


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


_SECONDS = {"ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_SIZES = {"B": 1, "KIB": 1024, "MIB": MIB, "GIB": 1024 * MIB, "KB": 10**3, "MB": 10**6, "GB": 10**9}
# Beyond what anyone measures, and well within what can be counted in nanoseconds and in bytes.
_LONGEST_S, _LARGEST = 10**8, 1 << 60


def parse_duration(written: str) -> float:
    """Seconds from ``800ms``, ``90s``, ``45m`` or ``1.5h``.

    Raises:
        InputError: it is not a duration, has no unit, is not above 0, or is longer than three years.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h)", written.strip(), re.ASCII)
    seconds = float(match[1]) * _SECONDS[match[2]] if match else 0.0
    if not 0 < seconds <= _LONGEST_S:
        raise InputError(f"{_cut(written)!r} is not a duration; write 800ms, 90s, 45m or 1.5h")
    return seconds


def parse_bytes(written: str) -> int:
    """Bytes from ``512MiB``, ``2GiB``, ``2GB`` or ``4096B``.

    Raises:
        InputError: it is not a size, not above 0, or more than an exbibyte.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Za-z]+)", written.strip(), re.ASCII)
    size = float(match[1]) * _SIZES.get(match[2].upper(), 0) if match else 0.0
    if not 0 < size <= _LARGEST:
        raise InputError(f"{_cut(written)!r} is not a size; write 512MiB, 2GiB or 2GB")
    return round(size)


def _cut(written: str) -> str:
    """As much of it as a message has room for."""
    return written if len(written) <= _SHOWN else f"{written[:_SHOWN]}…"
