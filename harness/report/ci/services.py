"""A run's figures as benchmark services take them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from harness.analyse.rows import Row
from harness.units import MIB, NS_PER_MS


def action_benchmark(rows: Sequence[Row]) -> str:
    """For github-action-benchmark, as ``customSmallerIsBetter``."""
    found = [
        {"name": f"{row.combination}: {name}", "unit": unit, "value": value, **({"range": spread} if spread else {})}
        for row in rows
        for name, unit, value, spread in _figures(row)
    ]
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def bencher(rows: Sequence[Row]) -> str:
    """For Bencher, in its metric format (BMF): times in nanoseconds, memory in bytes."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for row in rows:
        measures: dict[str, dict[str, float]] = {}
        if row.latency:
            measures["latency"] = {"value": row.latency.mean_ns}
            p95 = row.latency.percentiles[0.95]
            if p95:
                ends = {"lower_value": p95.low, "upper_value": p95.high}
                measures["latency-p95"] = {"value": p95.value} | {k: v for k, v in ends.items() if v is not None}
        if row.memory and row.memory.rss_serving_peak_bytes:
            measures["peak-rss"] = {"value": float(row.memory.rss_serving_peak_bytes)}
        if row.memory and row.memory.cuda_serving_peak_bytes:
            measures["peak-vram"] = {"value": float(row.memory.cuda_serving_peak_bytes)}
        if measures:
            found[row.combination] = measures
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def _figures(row: Row) -> Iterator[tuple[str, str, float, str]]:
    if row.latency:
        ratio = row.latency.to_stock
        yield "time over its partner's", "x", round(ratio.value, 4), f"{ratio.low:.4f} to {ratio.high:.4f}"
        yield "mean latency", "ms", round(row.latency.mean_ns / NS_PER_MS, 3), ""
    for name, value in (
        ("peak host memory", row.memory.rss_serving_peak_bytes if row.memory else None),
        ("peak VRAM", row.memory.cuda_serving_peak_bytes if row.memory else None),
    ):
        if value is not None:
            yield name, "MiB", round(value / MIB, 1), ""
