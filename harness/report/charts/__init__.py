"""Charts of a run, one file each: functions from rows to a figure, or None where there is nothing to show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from harness.analyse.rows import Row

KINDS = ("ratio", "ladder", "latency", "throughput", "memory")


def draw(kind: str, rows: Sequence[Row]) -> Figure | None:
    """One chart: the function ``chart`` of the module of that name."""
    chart: Callable[[Sequence[Row]], Figure | None] = import_module(f"harness.report.charts.{kind}").chart
    return chart(rows)


def save_all(rows: Sequence[Row], directory: Path) -> list[Path]:
    """Draw every chart that has something to show, as PNG and SVG; returns the PNGs."""
    saved = []
    for kind in KINDS:
        figure = draw(kind, rows)
        if figure is not None:
            directory.mkdir(exist_ok=True)
            for suffix in ("svg", "png"):
                figure.savefig(directory / f"{kind}.{suffix}", dpi=150)
            saved.append(directory / f"{kind}.png")
    return saved
