"""Throughput against latency for several numbers of clients."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.analyse.view import View
from harness.report.drawing.lines import MOST, Line, lines
from harness.units import NS_PER_MS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DESCRIPTION = "throughput against median latency, one point for each number of clients"
NEEDS = "the scenario closed_loop with several numbers of clients, like `clients = [1, 4]` in a suite like demo"


def chart(run: View) -> Figure | None:
    """One line for each combination. Each point is labelled with its number of clients."""
    found = []
    for row in run.rows:
        loads = sorted((one for one in row.loads if one.p50_ns is not None), key=lambda one: one.clients)
        if len(loads) > 1 and row.sound:
            rates = [one.per_second for one in loads]
            medians = [(one.p50_ns or 0) / NS_PER_MS for one in loads]
            found.append(Line(row.combination, rates, medians, [str(one.clients) for one in loads]))
    if not found:
        return None
    shown = found if len(found) <= MOST else sorted(found, key=lambda one: -max(one.x))[:MOST]
    return lines(
        "Throughput and latency by number of clients",
        "texts / s",
        "median latency (ms)",
        shown,
        logarithmic="xy",
        marker="o",
    )
