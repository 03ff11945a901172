"""The distribution of latencies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.analyse.compare import streams
from harness.analyse.view import View
from harness.report.drawing.lines import Line, lines, notable
from harness.units import NS_PER_MS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DESCRIPTION = "the distribution of latency: the share of requests answered within a time, for the notable combinations"
NEEDS = "the scenario single_stream, in a suite like demo"
_POINTS = 200  # at most, for one line


def chart(run: View) -> Figure | None:
    """The empirical distribution of all requests, one line for each combination."""
    timed = streams(run.records)
    found = []
    for row in notable(run.rows):
        times = sorted(ns for one in timed[row.combination] for passed in one.own_ns for ns in passed)
        ranks = sorted({round(i * (len(times) - 1) / _POINTS) for i in range(_POINTS + 1)})
        shares = [(rank + 1) / len(times) for rank in ranks]
        found.append(Line(row.combination, [times[rank] / NS_PER_MS for rank in ranks], shares))
    if not found:
        return None
    return lines(
        "Share of requests answered within a time", "latency (ms)", "share of requests", found, logarithmic="x"
    )
