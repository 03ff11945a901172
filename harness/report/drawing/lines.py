"""Lines, one for each notable combination, because sixty lines would not be readable."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.analyse.rows import Row
from harness.members import members
from harness.record import BASELINE, STOCK
from harness.report.drawing.canvas import COLOURS, canvas, legend, scale
from harness.report.drawing.fonts import legible
from harness.report.table import folded

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 9  # lines that a reader can distinguish
_LONGEST = 22  # characters of a name on a line of the legend
_STYLES = ("-", "--")


@dataclass(frozen=True)
class Line:
    """The points of a combination."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    notes: Sequence[str] = ()  # the text beside each point


def notable(rows: Sequence[Row]) -> list[Row]:
    """The baseline, stock, the fastest combination, and others in the run's order, single optimizations first."""
    sound = [row for row in rows if row.latency and row.sound]
    fastest = min(sound, key=_time, default=None)
    first = [row for row in sound if row.combination in (BASELINE, STOCK)]
    rest = sorted((row for row in sound if row not in first), key=lambda row: len(members(row.combination)))
    taken = [*first, *([fastest] if fastest and fastest not in first else [])]
    taken += [row for row in rest if row not in taken][: MOST - len(taken)]
    return [row for row in sound if row in taken]


def lines(title: str, x: str, y: str, found: Sequence[Line], *, logarithmic: str = "", marker: str = "") -> Figure:
    """Lines with a legend to their right.

    Args:
        title: of the chart.
        x: the label of the horizontal axis, with its unit.
        y: the label of the vertical axis, with its unit.
        found: at most nine lines.
        logarithmic: the logarithmic axes: x, y or xy.
        marker: of each point.
    """
    figure, axes = canvas(title, x, y)
    for (colour, style), one in zip(_looks(), found, strict=False):
        label = folded(legible(one.name), _LONGEST)
        axes.plot(one.x, one.y, style, color=colour, marker=marker, markersize=4, linewidth=1.4, label=label)
        for across, up, note in zip(one.x, one.y, one.notes, strict=bool(one.notes)):
            axes.annotate(note, (across, up), (4, 4), textcoords="offset points", fontsize=7)
    scale(axes, logarithmic)
    legend(axes)
    return figure


def _looks() -> Iterator[tuple[str, str]]:
    return ((colour, style) for style in _STYLES for colour in COLOURS)


def _time(row: Row) -> float:
    assert row.latency is not None
    return row.latency.to_stock.value
