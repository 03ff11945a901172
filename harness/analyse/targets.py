"""Whether a combination keeps the targets of its suite."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

from harness.analyse.quantities import Figure, around, of_process_on_device
from harness.analyse.rows import Held, Kept, Row


def judged(row: Row, targets: Mapping[str, float]) -> Row:
    """The row with the result for each target.

    Args:
        row: of a combination.
        targets: by name, as `Targets` of a suite gives them: nanoseconds, bytes, requests per second.
    """
    return replace(row, targets=tuple(Held(name, limit, _kept(row, name, limit)) for name, limit in targets.items()))


def absolute(row: Row, name: str) -> Figure | None:
    """An absolute figure in nanoseconds, bytes or requests per second; None if it was not measured."""
    return FIGURES[name](row)


def _kept(row: Row, name: str, limit: float) -> Kept:
    bound, _, figure = name.partition("_")
    return kept(absolute(row, figure), limit, at_least=bound == "min")


def kept(found: Figure | None, limit: float, *, at_least: bool = False) -> Kept:
    """Whether the whole interval of a figure is at most a limit (or at least, if `at_least`).

    An end that is missing could be anywhere. A figure without an interval that lacks nothing counts as exact.
    """
    if found is None:
        return "not measured"
    low = found.low if found.low is not None else -math.inf if found.lacks else found.value
    high = found.high if found.high is not None else math.inf if found.lacks else found.value
    if at_least:
        low, high, limit = -high, -low, -limit
    return "met" if high <= limit else "missed" if low > limit else "unsure"


def _percentile(share: float) -> Callable[[Row], Figure | None]:
    def read(row: Row) -> Figure | None:
        found = row.latency.percentiles.get(share) if row.latency else None
        return Figure(found.value, found.low, found.high, found.lacks) if found else None

    return read


def _memory(part: str) -> Callable[[Row], Figure | None]:
    def read(row: Row) -> Figure | None:
        found = getattr(row.memory, part) if row.memory else None
        return None if found is None else Figure(found)

    return read


def _qps(row: Row) -> Figure | None:
    loads = [one for one in row.loads if one.scenario == "closed_loop"]
    best = max(loads, key=lambda one: one.per_second, default=None)
    return around(best.per_second, best.rates) if best else None


def _cold_start(row: Row) -> Figure | None:
    starts = [start.total_ns for start in row.starts]
    return around(sum(starts) / len(starts), starts, "starts") if starts else None


FIGURES: Mapping[str, Callable[[Row], Figure | None]] = {
    "p50": _percentile(0.5),
    "p95": _percentile(0.95),
    "p99": _percentile(0.99),
    "vram": of_process_on_device,
    "rss": _memory("rss_serving_peak_bytes"),
    "cold_start": _cold_start,
    "qps": _qps,
}
