"""An empty chart: its size, its colours, its axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.report.drawing.fonts import legible
from harness.report.matrix import LONGEST, Matrix, matrix
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
_INK, _FAINT = "#333333", "#DDDDDD"
_COLUMN, _HEADING = 0.16, 0.065  # of a matrix: a column, and a letter of its heading


def by_row(title: str, axis: str, names: Sequence[str], series: int = 1) -> tuple[Figure, Axes]:
    """A chart with a line for each name, top to bottom; a matrix stands for long names of combinations."""
    found = matrix(names)
    drawn = _by_name(title, axis, names, series) if found is None else _by_matrix(title, axis, names, found, series)
    drawn[1].set_ylim(len(names) - 0.5, -0.5)
    return drawn


def _by_name(title: str, axis: str, names: Sequence[str], series: int) -> tuple[Figure, Axes]:
    labels = [folded(legible(name), LONGEST) for name in names]
    row = max(_ROW * max(series, 1.2), _LINE * (1 + max(label.count("\n") + 1 for label in labels)))
    figure, axes = canvas(title, axis, "", height=1.2 + len(names) * row)
    axes.set_yticks(range(len(names)), labels, fontsize=8)
    return figure, axes


def _by_matrix(title: str, axis: str, names: Sequence[str], found: Matrix, series: int) -> tuple[Figure, Axes]:
    headings = [legible(name) for name in found.columns]
    above, left = _HEADING * max(map(len, headings)), _COLUMN * len(headings)
    figure = _empty(1.2 + above + len(names) * _ROW * max(0.7 * series, 0.75))
    figure.suptitle(legible(title), x=0.01, ha="left", fontsize=11)
    grid = figure.add_gridspec(1, 2, width_ratios=(left, WIDTH - left), wspace=0.01)
    axes, beside = (figure.add_subplot(grid[0, place]) for place in (1, 0))
    _style(axes, axis, "")
    axes.set_yticks([])
    beside.set_xlim(-0.5, len(headings) - 0.5)
    beside.set_ylim(len(names) - 0.5, -0.5)
    beside.set_xticks(range(len(headings)), headings, fontsize=7, rotation=90)
    beside.xaxis.tick_top()
    beside.set_yticks([])
    beside.tick_params(length=0)
    beside.spines[:].set_visible(False)
    for place, (name, row) in enumerate(zip(names, found.rows, strict=True)):
        if row is None:
            beside.text(-0.4, place, legible(name), fontsize=8, va="center")
            continue
        at = [column for column, is_in in enumerate(row) if is_in]
        beside.scatter(range(len(row)), [place] * len(row), s=7, color=_FAINT)
        beside.plot(at, [place] * len(at), color=_INK, linewidth=1, marker="o", markersize=4)
    return figure, axes


def canvas(title: str, x: str, y: str, *, height: float = 4.5) -> tuple[Figure, Axes]:
    """A chart of two quantities; ``height`` is in inches."""
    figure = _empty(height)
    axes = figure.add_subplot()
    axes.set_title(legible(title), loc="left", fontsize=11)
    _style(axes, x, y)
    return figure, axes


def _empty(height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(WIDTH, height), layout="constrained")


def _style(axes: Axes, x: str, y: str) -> None:
    axes.set_xlabel(x, fontsize=9)
    axes.set_ylabel(y, fontsize=9)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)


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
