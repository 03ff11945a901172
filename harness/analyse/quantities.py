"""The figures that claims are about, from the rows of a combination and of the baseline."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, variance

from harness.analyse.figures import FEWEST, Figure, absolute, of_estimate, of_process_on_device
from harness.analyse.percentiles import P95
from harness.analyse.rows import Row
from harness.analyse.stats import Spread
from harness.record import Memory, StartUp
from harness.units import NS_PER_MS

GIB = 1 << 30  # nvidia-smi counts in MiB, so the guide's GB are these
FEWEST_STARTS = 5  # of each, for an interval


@dataclass(frozen=True)
class Quantity:
    """What a claim may be about."""

    read: Callable[[Row, Row], Figure | None]  # of a combination and the baseline; None if it was not measured
    of_speed: bool = False  # it does not count if the combination's answers are wrong


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
    return of_estimate(found) if found else None


def _mean_ms(row: Row, _: Row) -> Figure | None:
    return Figure(row.latency.mean_ns / NS_PER_MS) if row.latency else None


def _p95_ms(row: Row, _: Row) -> Figure | None:
    found = absolute(row, "p95")
    if found is None:
        return None
    low, high = (None if end is None else end / NS_PER_MS for end in (found.low, found.high))
    return Figure(found.value / NS_PER_MS, low, high)


def _p95(row: Row, baseline: Row) -> Figure | None:
    """The ratio of P95s. The texts are the same, so the interval is over rounds: each round has its own P95."""
    ours, theirs = (one.latency.percentiles[P95] if one.latency else None for one in (row, baseline))
    if ours is None or theirs is None:
        return None
    our_logs, their_logs = ([math.log(ns) for ns in one.of_rounds] for one in (ours, theirs))
    return _of_means(our_logs, their_logs, FEWEST)


def _qps(row: Row, baseline: Row) -> Figure | None:
    ours, theirs = (one.load("closed_loop") for one in (row, baseline))
    return divided(of_estimate(ours.to_stock), of_estimate(theirs.to_stock)) if ours and theirs else None


def in_use_on_device(memory: Memory | None) -> int | None:
    """The most GPU memory that tensors take while serving, in bytes. Combinations are compared by it.

    A process also takes memory for its context and for cached blocks. These are the same for all combinations or depend
    on chance, and would move every ratio towards 1.
    """
    return memory.cuda_serving_allocated_peak_bytes if memory else None


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
    return of_estimate(Spread(pooled, degrees).estimate(mean, pooled * math.sqrt(1 / len(ours) + 1 / len(theirs))))


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
    "time": Quantity(_time, of_speed=True),
    "P95": Quantity(_p95, of_speed=True),
    "QPS": Quantity(_qps, of_speed=True),
    "memory": Quantity(lambda row, baseline: memory_ratio(row, baseline, in_use_on_device)),
    "cold start": Quantity(_cold_start),
    "CPU": Quantity(_cpu),
    "F1 lost, points": Quantity(_f1_lost),
    "mean, ms": Quantity(_mean_ms, of_speed=True),
    "P95, ms": Quantity(_p95_ms, of_speed=True),
    "memory, GB": Quantity(_memory_gb),
}
