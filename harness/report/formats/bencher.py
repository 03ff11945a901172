"""A run's figures for Bencher, in its metric format (BMF)."""

from __future__ import annotations

import json
from collections.abc import Iterator

from harness.analyse.figures import Figure, absolute, around
from harness.analyse.rows import Row, Throughput
from harness.neutral import for_json
from harness.report.formats import Run
from harness.scenarios import KINDS

DESCRIPTION = "figures in Bencher's JSON of metrics"


def of_sound(run: Run) -> str:
    """Times in nanoseconds, rates per second, memory in bytes.

    ``latency`` and ``throughput`` are Bencher's own measures. Bencher creates the others when it first receives them.
    """
    found = {row.combination: {name: _metric(figure) for name, figure in _measures(row)} for row in run.rows}
    measured = {name: one for name, one in found.items() if one}
    return for_json(json.dumps(measured, indent=2, ensure_ascii=False)) + "\n"


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
    if not KINDS[load.scenario].per_clients:
        return f"throughput-{load.scenario}"
    return "throughput" if load is most else f"throughput-{load.clients}-clients"


def _metric(figure: Figure) -> dict[str, float]:
    ends = {"lower_value": figure.low, "upper_value": figure.high}
    return {"value": float(figure.value)} | {name: end for name, end in ends.items() if end is not None}
