"""Times and memory for github-action-benchmark, as its ``customSmallerIsBetter``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from harness.analyse.figures import Figure, absolute, of_estimate
from harness.analyse.rows import Row
from harness.figures import FigureName
from harness.neutral import for_json
from harness.report.formats import Run
from harness.units import MIB, NS_PER_MS, NS_PER_S

DESCRIPTION = "times, cold starts and memory for github-action-benchmark (customSmallerIsBetter)"


@dataclass(frozen=True)
class Shown:
    """A figure with its name, in its unit."""

    name: str
    unit: str
    figure: Figure


def of_sound(run: Run) -> str:
    """What is better when it is smaller."""
    return listed((row, one) for row in run.rows for one in _smaller_is_better(row))


def listed(figures: Iterator[tuple[Row, Shown]]) -> str:
    """Figures as the tool takes them: a list of objects."""
    found = []
    for row, one in figures:
        value, low, high = one.figure.value, one.figure.low, one.figure.high
        spread = {} if low is None or high is None else {"range": f"{low:.4g} to {high:.4g}"}
        found.append({"name": f"{row.combination}: {one.name}", "unit": one.unit, "value": round(value, 4), **spread})
    return for_json(json.dumps(found, indent=2, ensure_ascii=False)) + "\n"


def _smaller_is_better(row: Row) -> Iterator[Shown]:
    if row.latency:
        yield Shown("time over its partner's", "x", of_estimate(row.latency.to_stock))
        yield Shown("mean latency", "ms", Figure(row.latency.mean_ns / NS_PER_MS))
    if start := absolute(row, "cold_start"):
        yield Shown("cold start", "s", _divided(start, NS_PER_S))
    peaks: dict[str, FigureName] = {"peak host memory": "rss", "peak VRAM": "vram"}
    for name, part in peaks.items():
        if size := absolute(row, part):
            yield Shown(name, "MiB", _divided(size, MIB))


def _divided(figure: Figure, by: float) -> Figure:
    low, high = (None if end is None else end / by for end in (figure.low, figure.high))
    return Figure(figure.value / by, low, high)
