"""Latency against memory, with the Pareto front."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.analyse.rows import Row
from harness.analyse.view import View
from harness.record import BASELINE, STOCK
from harness.report.drawing.canvas import COLOURS, canvas, scale
from harness.report.drawing.points import numbered, scatter
from harness.units import MIB, NS_PER_MS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DESCRIPTION = "mean latency against peak memory while serving, with the Pareto front"
NEEDS = "the scenario single_stream, in a suite like demo"

Place = tuple[float, float]


def chart(run: View) -> Figure | None:
    """One point for each combination, coloured by F1 if that is known. The front is a line."""
    found = {row.combination: (row, place) for row in run.rows if (place := _place(row))}
    if len(found) < 2:
        return None
    places = [place for _, place in found.values()]
    scores = [row.scores.micro.f1 for row, _ in found.values() if row.scores]
    alike = len(set(scores)) == 1 and len(scores) == len(places)
    title = f"Latency and memory (F1 of all: {scores[0]:.3f})" if alike else "Latency and memory"
    figure, axes = canvas(title, "mean latency (ms)", "peak memory while serving (MiB)", height=5)
    on = front(places)
    axes.step(*zip(*on, strict=True), where="post", color=COLOURS[0], linewidth=1.2, label="front")
    coloured = len(scores) == len(places) and not alike
    shown = scatter(axes, places, scores if coloured else None)
    if coloured:
        below_the_list = axes.inset_axes((1.07, 0.08, 0.5, 0.03))
        figure.colorbar(shown, cax=below_the_list, orientation="horizontal", label="F1").ax.tick_params(labelsize=7)
    scale(axes, "x")
    told = {name for name, (_, place) in found.items() if place in on or name in (BASELINE, STOCK)}
    numbered(figure, axes, list(found), places, told, "the front, baseline and stock")
    return figure


def front(places: Sequence[Place]) -> list[Place]:
    """The places that no other place beats in both figures, from left to right."""
    kept: list[Place] = []
    for place in sorted(set(places)):
        if not kept or place[1] < kept[-1][1]:
            kept.append(place)
    return kept


def _place(row: Row) -> Place | None:
    if row.latency is None or not row.sound or row.memory is None:
        return None
    size = row.memory.cuda_serving_peak_bytes or row.memory.rss_serving_peak_bytes
    return None if size is None else (row.latency.mean_ns / NS_PER_MS, size / MIB)
