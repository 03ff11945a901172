"""A run's figures in the formats of benchmark services."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.analyse.quantities import Figure, around
from harness.analyse.rows import Row, Throughput
from harness.analyse.targets import absolute
from harness.record import STOCK
from harness.units import MIB, NS_PER_MS, NS_PER_S


@dataclass(frozen=True)
class _Shown:
    """A figure with its name, in its unit."""

    name: str
    unit: str
    figure: Figure


def action_benchmark(rows: Sequence[Row]) -> str:
    """For github-action-benchmark, as ``customSmallerIsBetter``: times and memory."""
    return _list((row, one) for row in rows for one in _smaller_is_better(row))


def action_benchmark_bigger(rows: Sequence[Row]) -> str:
    """For github-action-benchmark, as ``customBiggerIsBetter``: rates."""
    return _list((row, one) for row in rows for one in _bigger_is_better(row))


def bencher(rows: Sequence[Row]) -> str:
    """For Bencher, in its metric format (BMF): times in nanoseconds, rates per second, memory in bytes.

    ``latency`` and ``throughput`` are Bencher's own measures. Bencher creates the others when it first receives them.
    """
    found = {row.combination: {name: _metric(figure) for name, figure in _measures(row)} for row in rows}
    return json.dumps({name: one for name, one in found.items() if one}, indent=2, ensure_ascii=False) + "\n"


def _list(figures: Iterator[tuple[Row, _Shown]]) -> str:
    found = []
    for row, one in figures:
        value, low, high = one.figure.value, one.figure.low, one.figure.high
        spread = {} if low is None or high is None else {"range": f"{low:.4g} to {high:.4g}"}
        found.append({"name": f"{row.combination}: {one.name}", "unit": one.unit, "value": round(value, 4), **spread})
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def _smaller_is_better(row: Row) -> Iterator[_Shown]:
    if row.latency:
        ratio = row.latency.to_stock
        yield _Shown("time over its partner's", "x", Figure(ratio.value, ratio.low, ratio.high))
        yield _Shown("mean latency", "ms", Figure(row.latency.mean_ns / NS_PER_MS))
    if start := absolute(row, "cold_start"):
        yield _Shown("cold start", "s", _divided(start, NS_PER_S))
    for name, part in (("peak host memory", "rss"), ("peak VRAM", "vram")):
        if size := absolute(row, part):
            yield _Shown(name, "MiB", _divided(size, MIB))


def _bigger_is_better(row: Row) -> Iterator[_Shown]:
    for load in row.loads:
        ratio, clients = load.to_stock, f"{load.clients} client{'' if load.clients == 1 else 's'}"
        how = "one call" if load.scenario == "offline" else clients
        yield _Shown(f"QPS ({how})", "requests/s", around(load.per_second, load.rates))
        if row.combination != STOCK:
            yield _Shown(f"QPS over its partner's ({how})", "x", Figure(ratio.value, ratio.low, ratio.high))


def _measures(row: Row) -> Iterator[tuple[str, Figure]]:
    if row.latency:
        yield "latency", Figure(row.latency.mean_ns)
    most = row.load("closed_loop")
    loads = {_measure_of(load, most): load for load in row.loads}
    others = {
        "latency-p95": absolute(row, "p95"),
        **{name: around(load.per_second, load.rates) for name, load in loads.items()},
        "cold-start": absolute(row, "cold_start"),
        "peak-rss": absolute(row, "rss"),
        "peak-vram": absolute(row, "vram"),
    }
    yield from ((name, figure) for name, figure in others.items() if figure is not None)


def _measure_of(load: Throughput, most: Throughput | None) -> str:
    """The name of a rate: Bencher's own for the largest number of clients, because each name must be unique."""
    if load.scenario == "offline":
        return "throughput-offline"
    return "throughput" if load is most else f"throughput-{load.clients}-clients"


def _metric(figure: Figure) -> dict[str, float]:
    ends = {"lower_value": figure.low, "upper_value": figure.high}
    return {"value": float(figure.value)} | {name: end for name, end in ends.items() if end is not None}


def _divided(figure: Figure, by: float) -> Figure:
    low, high = (None if end is None else end / by for end in (figure.low, figure.high))
    return Figure(figure.value / by, low, high)
