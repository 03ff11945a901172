"""Whether a combination keeps what its suite says that it should."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from harness.analyse.quantities import Figure
from harness.analyse.rows import Held, Kept, Row


def judged(row: Row, targets: Mapping[str, float]) -> Row:
    """The row with a word on each target.

    Args:
        row: of a combination.
        targets: by name, as `Targets` of a suite gives them: nanoseconds, bytes, requests a second.
    """
    return replace(row, targets=tuple(Held(name, limit, _kept(row, name, limit)) for name, limit in targets.items()))


def absolute(row: Row, name: str) -> Figure | None:
    """A figure that is no ratio, in nanoseconds, bytes or requests a second; None where it was not measured."""
    return FIGURES[name](row)


def _kept(row: Row, name: str, limit: float) -> Kept:
    found = absolute(row, name.partition("_")[2])
    if found is None:
        return "not measured"
    low = found.value if found.low is None else found.low
    high = found.value if found.high is None else found.high
    if name.startswith("min_"):
        low, high, limit = -high, -low, -limit
    return "met" if high <= limit else "missed" if low > limit else "unsure"


def _percentile(share: float) -> Callable[[Row], Figure | None]:
    def read(row: Row) -> Figure | None:
        found = row.latency.percentiles.get(share) if row.latency else None
        return Figure(found.value, found.low, found.high) if found else None

    return read


def _memory(part: str) -> Callable[[Row], Figure | None]:
    def read(row: Row) -> Figure | None:
        found = getattr(row.memory, part) if row.memory else None
        return None if found is None else Figure(found)

    return read


def _qps(row: Row) -> Figure | None:
    rates = [one.per_second for one in row.loads if one.scenario == "closed_loop"]
    return Figure(max(rates)) if rates else None


def _cold_start(row: Row) -> Figure | None:
    return Figure(sum(start.total_ns for start in row.starts) / len(row.starts)) if row.starts else None


FIGURES: Mapping[str, Callable[[Row], Figure | None]] = {
    "p50": _percentile(0.5),
    "p95": _percentile(0.95),
    "p99": _percentile(0.99),
    "vram": _memory("cuda_serving_peak_bytes"),
    "rss": _memory("rss_serving_peak_bytes"),
    "cold_start": _cold_start,
    "qps": _qps,
}
