"""Horizontal bars, one group a combination: what most charts here are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from harness.report.table import folded

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colours, which colour-blind readers tell apart.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7")
_WIDTH = 8.0  # inches; at 100 dots an inch, readable at 800 pixels
_ROW = 0.32
_LINE = 0.13  # of a name
_LONGEST = 34  # characters of a name on one line


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
        series: values by name of the series, one a combination; None leaves the bar out.
        pattern: how a value is written, like ``{:.0f} ms``.
        intervals: from where to where a line is drawn over each bar; None for no line.
    """
    figure, axes = canvas(title, axis, names, len(series))
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
        axes.legend(frameon=False, fontsize=8, loc="lower right", bbox_to_anchor=(1, 1), ncols=len(series))
    return figure


def canvas(title: str, axis: str, names: Sequence[str], series: int = 1) -> tuple[Figure, Axes]:
    """An empty chart with a line for each name."""
    from matplotlib.figure import Figure

    labels = [folded(name, _LONGEST) for name in names]
    row = max(_ROW * max(series, 1.2), _LINE * (1 + max(label.count("\n") + 1 for label in labels)))
    figure = Figure(figsize=(_WIDTH, 1.2 + len(names) * row), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontsize=11)
    axes.set_xlabel(axis, fontsize=9)
    axes.set_yticks(range(len(names)), labels, fontsize=8)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes
