"""Points, one for each combination. The notable ones have a number, and a list to the right names them."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from harness.report.drawing.canvas import GREY
from harness.report.drawing.fonts import legible
from harness.report.table import folded

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from matplotlib.figure import Figure

_LONGEST = 30  # characters of a name on a line of the list
_FIGURE_SHARE = 0.62  # of the width, left for the points
_APART = 9  # points between two numbers, and between a number and a place
# Where a number may stand from its place, in points: to its right, the nearest first.
_ASIDE = sorted(((x, y) for x in range(9, 100, 9) for y in range(-45, 46, 9)), key=lambda at: math.hypot(*at))
_LEADER = {"arrowstyle": "-", "linewidth": 0.6, "color": "#333333", "shrinkA": 0, "shrinkB": 3}  # to one farther off
_POINTS_AN_INCH = 72


def numbered(
    figure: Figure,
    axes: Axes,
    names: Sequence[str],
    places: Sequence[tuple[float, float]],
    told: Collection[str],
    which: str,
) -> None:
    """Write a number at each named point, and a list of the names.

    Args:
        figure: of the axes.
        axes: with the points drawn.
        names: one a point.
        places: where the points are.
        told: the names that get a number, at most a dozen.
        which: these names in words, written below the list if other points have no number.
    """
    figure.set_layout_engine("none")
    axes.set_position((0.09, 0.13, _FIGURE_SHARE - 0.09, 0.77))
    listed: list[str] = []
    drawn = [tuple(axes.transData.transform(place) * _POINTS_AN_INCH / figure.dpi) for place in places]
    taken, lowest = list(drawn), axes.bbox.y0 * _POINTS_AN_INCH / figure.dpi + _APART
    for name, place, (across, up) in zip(names, places, drawn, strict=True):
        if name in told:
            listed.append(f"{len(listed) + 1}  " + folded(legible(name), _LONGEST).replace("\n", "\n    "))
            aside, above = _free(across, up, taken, lowest)
            taken.append((across + aside, up + above))
            axes.annotate(
                str(len(listed)),
                place,
                (aside, above),
                textcoords="offset points",
                fontsize=8,
                ha="center",
                va="center",
                zorder=4,
                arrowprops=None if (aside, above) == _ASIDE[0] else _LEADER,
            )
    if len(listed) < len(names):
        listed += ["", f"Only {which}", "have a number."]
    axes.text(1.05, 1.0, "\n".join(listed), transform=axes.transAxes, fontsize=7, va="top", linespacing=1.4)


def _free(across: float, up: float, taken: Sequence[tuple[float, float]], lowest: float) -> tuple[int, int]:
    """The nearest free place for a number, as an offset in points; directly beside the point if there is none."""
    free = (
        (aside, above)
        for aside, above in _ASIDE
        if up + above >= lowest
        and all(abs(across + aside - x) >= _APART or abs(up + above - y) >= _APART for x, y in taken)
    )
    return next(free, _ASIDE[0])


def scatter(axes: Axes, places: Sequence[tuple[float, float]], shades: Sequence[float] | None = None) -> PathCollection:
    """Draw the points, in grey or in shades that show a figure."""
    across, up = zip(*places, strict=True)
    return axes.scatter(
        across, up, s=28, c=GREY if shades is None else shades, cmap="cividis" if shades else None, zorder=3
    )
