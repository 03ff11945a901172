"""Requests until their time has settled."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median

# Steady: the median of the last requests is within this of the median of those before. Some requests each, so that a
# single slow one decides nothing; at most `MOST`, because on a busy machine times may never settle.
WITHIN = 0.05
REQUESTS = 3
MOST = 20


def until_steady(request: Callable[[], int]) -> tuple[int, bool]:
    """Repeat a request until its time is steady.

    Args:
        request: makes one, and returns how long it took, in any unit.

    Returns:
        How many were made, and whether the last ones were steady.
    """
    times: list[int] = []
    while len(times) < MOST:
        times.append(request())
        if len(times) >= 2 * REQUESTS:
            last, before = median(times[-REQUESTS:]), median(times[-2 * REQUESTS : -REQUESTS])
            if abs(last - before) <= WITHIN * before:
                return len(times), True
    return len(times), False
