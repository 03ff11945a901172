"""Each figure of the table, read from a combination's row."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import variance

from harness.analyse.percentiles import FEWEST_SAMPLES
from harness.analyse.rows import Row, Throughput
from harness.analyse.stats import Estimate, Spread
from harness.figures import KINDS, FigureName
from harness.record import Scenario

FEWEST = 4  # values; with fewer, their own spread is not estimated


@dataclass(frozen=True)
class Figure:
    """A measured value; without an interval if its spread is not known."""

    value: float
    low: float | None = None
    high: float | None = None
    lacks: str | None = None  # what an interval with both ends would need


Reader = Callable[[Row], Figure | None]  # None if the run did not measure it


def absolute(row: Row, name: FigureName) -> Figure | None:
    """An absolute figure in nanoseconds, bytes or requests per second; None if it was not measured."""
    return READERS[name](row)


def around(value: float, values: Sequence[float], what: str = "rounds") -> Figure:
    """A mean with Student's interval, on logarithms; without an interval if there are too few values."""
    if len(values) < FEWEST:
        return Figure(value, lacks=f"{FEWEST} {what} (not {len(values)})")
    sd = math.sqrt(variance(map(math.log, values)))
    return of_estimate(Spread(sd, len(values) - 1).estimate(math.log(value), sd / math.sqrt(len(values))))


def of_estimate(found: Estimate) -> Figure:
    """A ratio with its interval."""
    return Figure(found.value, found.low, found.high)


def of_process_on_device(row: Row) -> Figure | None:
    """All GPU memory that a process takes in any scenario, in bytes. None if it uses no GPU.

    It is what the driver counts for the process, context included. If the driver does not know the process, as inside
    many containers, it is what more of the GPU was in use once the process was up, and what torch reserved after that.
    If neither is known, it is at least what torch reserved.
    """
    memory = row.memory
    if memory is None or memory.cuda_serving_peak_bytes is None:
        return None
    serving = memory.cuda_serving_peak_bytes
    under_load = max((load.cuda_peak_bytes or 0 for load in row.loads), default=0)
    known = memory.cuda_process_bytes
    if known is None and memory.cuda_device_bytes is not None and memory.cuda_load_peak_bytes is not None:
        known = memory.cuda_device_bytes + max(0, serving - memory.cuda_load_peak_bytes)
    if known is None:
        most = max(serving, under_load)
        return Figure(most, low=most, lacks="the driver's count of what its process takes")
    return Figure(known + max(0, under_load - serving))


def percentile_of(name: FigureName) -> Reader:
    """The reader of a percentile of requests."""
    share = KINDS[name].share
    assert share is not None, f"{name} is not a percentile"
    assert share in FEWEST_SAMPLES, f"rows have no {name}"

    def read(row: Row) -> Figure | None:
        found = row.latency.percentiles.get(share) if row.latency else None
        return Figure(found.value, found.low, found.high, found.lacks) if found else None

    return read


def _rss(row: Row) -> Figure | None:
    found = row.memory.rss_serving_peak_bytes if row.memory else None
    return None if found is None else Figure(found)


def fastest(row: Row, scenario: Scenario) -> Throughput | None:
    """The load of a scenario with the highest rate."""
    loads = [one for one in row.loads if one.scenario == scenario]
    return max(loads, key=lambda one: one.per_second, default=None)


def _qps(row: Row) -> Figure | None:
    best = fastest(row, "closed_loop")
    return around(best.per_second, best.rates) if best else None


def _cold_start(row: Row) -> Figure | None:
    starts = [start.total_ns for start in row.starts]
    return around(sum(starts) / len(starts), starts, "starts") if starts else None


READERS: Mapping[FigureName, Reader] = {
    "p50": percentile_of("p50"),
    "p95": percentile_of("p95"),
    "p99": percentile_of("p99"),
    "vram": of_process_on_device,
    "rss": _rss,
    "cold_start": _cold_start,
    "qps": _qps,
}
assert set(READERS) == set(KINDS)
