"""P50 and P95 of a request, per combination."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.report.charts.bars import bars
from harness.units import NS_PER_MS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from harness.analyse.compare import Row


def chart(rows: Sequence[Row]) -> Figure | None:
    """Bars of both percentiles; one that has too few samples is left out."""
    measured = [(row.combination, row.latency) for row in rows if row.latency and not row.struck_out]
    series = {
        "P50": [_ms(latency.p50_ns) for _, latency in measured],
        "P95": [_ms(latency.p95_ns) for _, latency in measured],
    }
    series = {name: values for name, values in series.items() if any(value is not None for value in values)}
    if not series:
        return None
    names = [name for name, _ in measured]
    return bars("Latency of one request after another", "milliseconds", names, series, "{:.3g} ms")


def _ms(nanoseconds: float | None) -> float | None:
    return None if nanoseconds is None else nanoseconds / NS_PER_MS
