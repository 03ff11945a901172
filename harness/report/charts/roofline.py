"""How near each combination comes to the limits of the device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.analyse.roofline import ceilings_of
from harness.analyse.view import View
from harness.report.drawing.canvas import GREY, canvas, scale
from harness.report.drawing.lines import notable
from harness.report.drawing.points import numbered, scatter
from harness.units import NS_PER_S

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DESCRIPTION = "useful operations per second (without padding), below the device's ceilings"
NEEDS = "the scenario single_stream, in a suite like demo; early runs did not record it"
_GIGA = 1e9


def chart(run: View) -> Figure | None:
    """One point for each combination. The roof is what the fastest matrix product and a memory copy reached.

    On a device, each point also has its own limit, drawn as a bar: the rate that its launches allow.
    """
    ceilings = ceilings_of(run.header)
    found: dict[str, tuple[float, float]] = {}
    bars: list[tuple[float, float]] = []
    for row in run.rows:
        share = row.roofline
        if not (share and row.latency and row.sound):
            continue
        across = share.request.flops / share.request.bytes
        found[row.combination] = across, share.request.flops / (row.latency.mean_ns / NS_PER_S) / _GIGA
        if share.launch_s:
            bars.append((across, share.request.flops / share.launch_s / _GIGA))
    if ceilings is None or not found:
        return None
    bandwidth = ceilings.bytes_per_s / _GIGA
    used = dict.fromkeys(row.roofline.dtype for row in run.rows if row.roofline and row.combination in found)
    peaks = {dtype: ceilings.flops_per_s[dtype] / _GIGA for dtype in used}
    corners = [*(peak / bandwidth for peak in peaks.values()), *(x for x, _ in found.values())]
    low, high = min(corners) / 4, max(corners) * 4
    figure, axes = canvas("Roofline", "operations per byte", "GFLOP/s without padding", height=5)
    for dtype, peak in peaks.items():
        axes.plot([low, peak / bandwidth, high], [low * bandwidth, peak, peak], color=GREY)
        way = "".join(f", {name}" for name, _ in ceilings.fastest(dtype)[:1])
        said = f"{peak:.3g} GFLOP/s ({dtype}{way})"
        axes.annotate(said, (high, peak), (0, 4), textcoords="offset points", ha="right", size=8)
    scatter(axes, list(found.values()))
    if bars:
        at, heights = zip(*bars, strict=True)
        axes.scatter(at, heights, marker="_", s=120, c=GREY, zorder=2)
        axes.text(0.02, 0.95, "— limit by its launches", transform=axes.transAxes, size=8)
    scale(axes, "xy")
    told = {row.combination for row in notable(run.rows)}
    numbered(figure, axes, list(found), list(found.values()), told, "the notable combinations")
    return figure
