"""The figures that claims are about, from the rows of a combination and of the baseline."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, variance

from harness.analyse.rows import Row
from harness.analyse.stats import Estimate, Spread
from harness.record import Memory, StartUp
from harness.units import NS_PER_MS

GIB = 1 << 30  # nvidia-smi counts in MiB, so the guide's GB are these
FEWEST_STARTS = 5  # of each, for an interval
FEWEST = 4  # values; with fewer, their own spread is not estimated


@dataclass(frozen=True)
class Figure:
    """A measured value; without an interval if its spread is not known."""

    value: float
    low: float | None = None
    high: float | None = None
    lacks: str | None = None  # what an interval with both ends would need


def around(value: float, values: Sequence[float], what: str = "rounds") -> Figure:
    """A mean with Student's interval, on logarithms; without an interval if there are too few values."""
    if len(values) < FEWEST:
        return Figure(value, lacks=f"{FEWEST} {what} (not {len(values)})")
    sd = math.sqrt(variance(map(math.log, values)))
    return _of(Spread(sd, len(values) - 1).estimate(math.log(value), sd / math.sqrt(len(values))))


Quantity = Callable[[Row, Row], Figure | None]  # None if the run did not measure it


def divided(ours: Figure, theirs: Figure) -> Figure:
    """The ratio of two separately measured figures, with an interval if both have one.

    Source: Zou and Donner, Construction of Confidence Limits about Effect Measures (2008), on logarithms.
    """
    value = ours.value / theirs.value
    if ours.low is None or ours.high is None or theirs.low is None or theirs.high is None:
        return Figure(value)
    down = math.hypot(math.log(ours.value / ours.low), math.log(theirs.high / theirs.value))
    up = math.hypot(math.log(ours.high / ours.value), math.log(theirs.value / theirs.low))
    return Figure(value, value * math.exp(-down), value * math.exp(up))


def _time(row: Row, _: Row) -> Figure | None:
    found = row.latency.to_baseline if row.latency else None
    return _of(found) if found else None


def _of(found: Estimate) -> Figure:
    return Figure(found.value, found.low, found.high)


def _mean_ms(row: Row, _: Row) -> Figure | None:
    return Figure(row.latency.mean_ns / NS_PER_MS) if row.latency else None


def _p95_ms(row: Row, _: Row) -> Figure | None:
    found = row.latency.percentiles[0.95] if row.latency else None
    if found is None:
        return None
    low, high = (None if end is None else end / NS_PER_MS for end in (found.low, found.high))
    return Figure(found.value / NS_PER_MS, low, high)


def _p95(row: Row, baseline: Row) -> Figure | None:
    """The ratio of P95s. The texts are the same, so the interval is over rounds: each round has its own P95."""
    ours, theirs = (one.latency.percentiles[0.95] if one.latency else None for one in (row, baseline))
    if ours is None or theirs is None:
        return None
    our_logs, their_logs = ([math.log(ns) for ns in one.of_rounds] for one in (ours, theirs))
    return _of_means(our_logs, their_logs, FEWEST)


def _qps(row: Row, baseline: Row) -> Figure | None:
    ours, theirs = (one.load("closed_loop") for one in (row, baseline))
    return divided(_of(ours.to_stock), _of(theirs.to_stock)) if ours and theirs else None


def in_use_on_device(memory: Memory | None) -> int | None:
    """The most GPU memory that tensors take while serving, in bytes. Combinations are compared by it.

    A process also takes memory for its context and for cached blocks. These are the same for all combinations or depend
    on chance, and would move every ratio towards 1.
    """
    return memory.cuda_serving_allocated_peak_bytes if memory else None


def of_process_on_device(row: Row) -> Figure | None:
    """All GPU memory that a process takes in any scenario, in bytes. None if it uses no GPU.

    It is what the driver counts for the process, context included. If the driver does not know the process (as in many
    containers), it is what the GPU had more in use once the process was up, plus what torch reserved since. If neither
    is known, it is what torch reserved, which is only a lower bound.
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


def on_host(memory: Memory | None) -> int | None:
    """The peak of the process's host memory while serving, in bytes."""
    return memory.rss_serving_peak_bytes if memory else None


def memory_ratio(row: Row, baseline: Row, part: Callable[[Memory | None], int | None]) -> Figure | None:
    """One kind of memory, as a share of the baseline's."""
    ours, theirs = part(row.memory), part(baseline.memory)
    return Figure(ours / theirs) if ours and theirs else None


def _memory_gb(row: Row, _: Row) -> Figure | None:
    found = of_process_on_device(row)
    if found is None:
        return None
    return Figure(found.value / GIB, None if found.low is None else found.low / GIB, lacks=found.lacks)


def _cold_start(row: Row, baseline: Row) -> Figure | None:
    """The ratio of geometric means, with Student's interval over starts if both have enough of them."""
    ours, theirs = _logs(row.starts), _logs(baseline.starts)
    return _of_means(ours, theirs, FEWEST_STARTS) if ours and theirs else None


def _of_means(ours: Sequence[float], theirs: Sequence[float], fewest: int) -> Figure:
    """The ratio of geometric means, from logarithms."""
    mean = fmean(ours) - fmean(theirs)
    if min(len(ours), len(theirs)) < fewest:
        return Figure(math.exp(mean))
    degrees = len(ours) + len(theirs) - 2
    pooled = math.sqrt(sum(variance(one) * (len(one) - 1) for one in (ours, theirs)) / degrees)
    return _of(Spread(pooled, degrees).estimate(mean, pooled * math.sqrt(1 / len(ours) + 1 / len(theirs))))


def _logs(starts: Sequence[StartUp]) -> list[float]:
    return [math.log(start.total_ns) for start in starts]


def _cpu(row: Row, baseline: Row) -> Figure | None:
    if row.latency is None or baseline.latency is None:
        return None
    return Figure(row.latency.cpu_share / baseline.latency.cpu_share)


def _f1_lost(row: Row, _: Row) -> Figure | None:
    found = row.f1_difference
    return Figure(-100 * found.value, -100 * found.high, -100 * found.low) if found else None


# The first ones are ratios to the baseline; those with a unit are absolute.
QUANTITIES: Mapping[str, Quantity] = {
    "time": _time,
    "P95": _p95,
    "QPS": _qps,
    "memory": lambda row, baseline: memory_ratio(row, baseline, in_use_on_device),
    "cold start": _cold_start,
    "CPU": _cpu,
    "F1 lost, points": _f1_lost,
    "mean, ms": _mean_ms,
    "P95, ms": _p95_ms,
    "memory, GB": _memory_gb,
}
# Quantities that do not count if the combination's answers are wrong.
SPEEDS = ("time", "P95", "QPS", "mean, ms", "P95, ms")
