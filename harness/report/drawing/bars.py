"""Horizontal bars, one group for each combination. Most charts use them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from harness.report.drawing.canvas import COLOURS, by_row, legend

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MANY = 5  # so many parts do not fit beside the title


def bars(
    title: str,
    axis: str,
    names: Sequence[str],
    series: Mapping[str, Sequence[float | None]],
    pattern: str,
    intervals: Mapping[str, Sequence[tuple[float, float] | None]] | None = None,
) -> Figure:
    """Bars with their values written beside them.

    Args:
        title: of the chart.
        axis: what is measured, with its unit.
        names: the combinations, top to bottom.
        series: the values of each series, one for each combination; None leaves out the bar.
        pattern: how a value is written, like ``{:.0f} ms``.
        intervals: the ends of the line that is drawn over each bar; None for no line.
    """
    figure, axes = by_row(title, axis, names, len(series))
    height = 0.8 / len(series)
    for i, (label, values) in enumerate(series.items()):
        places = [place + height * (i - (len(series) - 1) / 2) for place in range(len(names))]
        drawn = [(place, value) for place, value in zip(places, values, strict=True) if value is not None]
        at, lengths = [place for place, _ in drawn], [value for _, value in drawn]
        container = axes.barh(at, lengths, height=height * 0.92, color=COLOURS[i], label=label)
        for place, value, interval in zip(places, values, (intervals or {}).get(label, ()), strict=bool(intervals)):
            if value is not None and interval is not None:
                spread = [[value - interval[0]], [interval[1] - value]]
                axes.errorbar(value, place, xerr=spread, fmt="none", ecolor="#333333", elinewidth=1, capsize=2)
        axes.bar_label(container, labels=[pattern.format(value) for value in lengths], padding=3, fontsize=8)
    axes.margins(x=0.15)
    if len(series) > 1:
        legend(axes, len(series))
    return figure


def stacked(title: str, axis: str, names: Sequence[str], parts: Mapping[str, Sequence[float]], pattern: str) -> Figure:
    """Bars of several parts, with their sums beside them.

    Args:
        title: of the chart.
        axis: what is measured, with its unit.
        names: the combinations, top to bottom.
        parts: the values of each part, one for each combination; not negative.
        pattern: how a sum is written.
    """
    figure, axes = by_row(title, axis, names)
    ends = [0.0] * len(names)
    for colour, (label, values) in zip(COLOURS, parts.items(), strict=False):
        container = axes.barh(range(len(names)), values, left=ends, height=0.7, color=colour, label=label)
        ends = [end + value for end, value in zip(ends, values, strict=True)]
    axes.bar_label(container, labels=[pattern.format(end) for end in ends], padding=3, fontsize=8)
    axes.margins(x=0.1)
    legend(axes, len(parts) if len(parts) < _MANY else 1)
    return figure
