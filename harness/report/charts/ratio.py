"""Time as a share of stock's, with intervals: the main chart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.analyse.stats import NOISE
from harness.analyse.view import View
from harness.report.drawing.canvas import COLOURS, GREY, by_row

if TYPE_CHECKING:
    from matplotlib.figure import Figure


_MANY = 20
_OF_VERDICT = {"faster": COLOURS[2], "slower": COLOURS[1], "no difference": GREY, "inconclusive": "#BBBBBB"}


DESCRIPTION = "time as a share of stock's, with intervals: the main chart"
NEEDS = "the scenario single_stream, in a suite like demo"


def chart(run: View) -> Figure | None:
    """A point and its interval for each combination whose speed counts, on a logarithmic axis.

    If there are many, they are sorted, the fastest first. Otherwise they stay in the run's order.
    """
    shown = [(row.combination, row.latency.to_stock) for row in run.rows if row.latency and row.sound]
    if not shown:
        return None
    if len(shown) > _MANY:
        shown.sort(key=lambda one: one[1].value)
    figure, axes = by_row(
        "Time as a share of stock's (left of 1 is faster)", "time / stock", [name for name, _ in shown]
    )
    axes.set_xscale("log")
    axes.axvspan(1 - NOISE, 1 + NOISE, color="#DDDDDD", zorder=0)
    for place, (_, found) in enumerate(shown):
        spread = [[found.value - found.low], [found.high - found.value]]
        axes.errorbar(found.value, place, xerr=spread, fmt="o", color=_OF_VERDICT[found.verdict], capsize=3)
        axes.annotate(
            f"{found.value:.2f}", (found.high, place), (5, 0), textcoords="offset points", va="center", size=8
        )
    ticks = [0.1, 0.2, 0.5, 1, 2, 5, 10]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    low, high = min(found.low for _, found in shown), max(found.high for _, found in shown)
    axes.set_xlim(min(low, 0.8) * 0.9, max(high, 1.25) * 1.25)
    return figure
