"""An empty chart: its size, its colours, its axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.report.drawing.fonts import legible
from harness.report.table import folded

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colours, which colour-blind readers can distinguish.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#444444")
GREY = "#777777"
WIDTH = 8.0  # inches; at 100 dots an inch, readable at 800 pixels
_ROW = 0.32
_LINE = 0.13  # of a name
_LONGEST = 34  # characters of a name on one line


def by_row(title: str, axis: str, names: Sequence[str], series: int = 1) -> tuple[Figure, Axes]:
    """A chart with a line for each name, top to bottom."""
    labels = [folded(legible(name), _LONGEST) for name in names]
    row = max(_ROW * max(series, 1.2), _LINE * (1 + max(label.count("\n") + 1 for label in labels)))
    figure, axes = canvas(title, axis, "", height=1.2 + len(names) * row)
    axes.set_yticks(range(len(names)), labels, fontsize=8)
    axes.set_ylim(len(names) - 0.5, -0.5)
    return figure, axes


def canvas(title: str, x: str, y: str, *, height: float = 4.5) -> tuple[Figure, Axes]:
    """A chart of two quantities; ``height`` is in inches."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(legible(title), loc="left", fontsize=11)
    axes.set_xlabel(x, fontsize=9)
    axes.set_ylabel(y, fontsize=9)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def legend(axes: Axes, columns: int = 1) -> None:
    """A legend above the right end of the axes, or to their right if it is long."""
    if columns > 1:
        axes.legend(frameon=False, fontsize=8, loc="lower right", bbox_to_anchor=(1, 1), ncols=columns)
    else:
        axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))


def scale(axes: Axes, logarithmic: str) -> None:
    """Make axes (x, y or xy) logarithmic, with plain tick labels at 1, 2 and 5 times powers of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    for name in logarithmic:
        axes.set(**{f"{name}scale": "log"})
        axis = axes.xaxis if name == "x" else axes.yaxis
        low, high = axis.get_data_interval()
        wide = high / low > 1000
        axis.set_major_locator(LogLocator(subs=(1,) if wide else (1, 2, 5)))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
