"""The time after each added optimization, as a waterfall from the baseline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.analyse.view import View
from harness.members import members
from harness.record import BASELINE, STOCK, is_peer
from harness.report.drawing.canvas import COLOURS, GREY, by_row

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from harness.analyse.rows import Row

_FEWEST = 3  # steps; with fewer there is no chart


DESCRIPTION = "the time after each added optimization, as a waterfall from the baseline"
NEEDS = "combinations that grow by one optimization at a time, as in the suites ladder and full"


def chart(run: View) -> Figure | None:
    """One bar for each step, from the time before it to the time after it, as shares of the baseline's time."""
    steps = ladder(run.rows)
    if len(steps) < _FEWEST:
        return None
    names = [BASELINE, *(f"+ {added}" for added, _ in steps)]
    figure, axes = by_row("Time after each added optimization", "time / baseline", names)
    axes.barh(0, 1, height=0.6, color=GREY)
    before = 1.0
    for place, (_, after) in enumerate(steps, start=1):
        colour = COLOURS[2] if after < before else COLOURS[1]
        axes.barh(place, after, height=0.6, color="#DDDDDD")
        axes.barh(place, before - after, left=after, height=0.6, color=colour)
        axes.annotate(
            f"{after:.3f}", (max(before, after), place), (5, 0), textcoords="offset points", va="center", size=8
        )
        before = after
    axes.margins(x=0.1)
    return figure


def ladder(rows: Sequence[Row]) -> list[tuple[str, float]]:
    """The steps from the baseline. Each step is the first row that adds one optimization to the step before.

    Returns:
        For each step, the added optimization and the time as a share of the baseline's.
    """
    steps: list[tuple[str, float]] = []
    below: frozenset[str] = frozenset()
    for row in rows:
        chosen = frozenset(members(row.combination))
        added = chosen - below
        if row.combination == STOCK or is_peer(row.combination) or len(added) != 1 or len(chosen) != len(below) + 1:
            continue
        if not row.sound or not row.latency or not row.latency.to_baseline:
            continue
        steps.append((next(iter(added)), row.latency.to_baseline.value))
        below = chosen
    return steps
