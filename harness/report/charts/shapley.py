"""Each optimization's share of the total effect, by Shapley's method."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.analyse.attribution import TIME
from harness.analyse.view import View
from harness.report.drawing.canvas import COLOURS, GREY, by_row, scale

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DESCRIPTION = "each optimization's share of the total effect (Shapley); the shares multiply to the total"
NEEDS = "all combinations, as in the suite full, or a fraction that suffices for pairs"


def chart(run: View) -> Figure | None:
    """Bars from 1 (no effect) to the factor, with 95 % intervals. The last bar is the total effect."""
    time = run.found.effects.get(TIME) if run.found else None
    if time is None or not time.shapley or time.total is None:
        return None
    shares = sorted(time.shapley.items(), key=lambda one: one[1].value)
    found = dict([*shares, ("all together", time.total)])
    figure, axes = by_row(
        "Shares of the total effect (Shapley)", "factor on the time (left of 1 is faster)", list(found)
    )
    for place, (name, one) in enumerate(found.items()):
        colour = GREY if name == "all together" else COLOURS[2] if one.value < 1 else COLOURS[1]
        axes.barh(place, one.value - 1, left=1, height=0.6, color=colour)
        spread = [[one.value - one.low], [one.high - one.value]]
        axes.errorbar(one.value, place, xerr=spread, fmt="none", ecolor="#333333", elinewidth=1, capsize=2)
        end = (max(one.high, 1), place)
        axes.annotate(f"{one.value:.2f}", end, (5, 0), textcoords="offset points", va="center", size=8)
    scale(axes, "x")
    axes.axvline(1, color="#333333", linewidth=0.8)
    axes.margins(x=0.12)
    return figure
