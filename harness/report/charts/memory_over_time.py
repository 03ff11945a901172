"""A process's memory while it answers the texts once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.analyse.view import View
from harness.report.drawing.lines import Line, lines, notable
from harness.units import MIB, NS_PER_S

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DESCRIPTION = "memory over one pass that is not timed, of the notable combinations"
NEEDS = "the scenario single_stream, in a suite like demo; runs made before this was recorded have none"


def chart(run: View) -> Figure | None:
    """A line a combination: the device's memory where there is one, else the host's."""
    found = {row.combination: row.profile for row in notable(run.rows) if row.profile}
    on_device = any(one.cuda_bytes for one in found.values())
    shown = []
    for name, one in found.items():
        sizes = one.cuda_bytes if on_device else one.rss_bytes
        if sizes:
            seconds = [place * one.step_ns / NS_PER_S for place in range(len(sizes))]
            shown.append(Line(name, seconds, [size / MIB for size in sizes]))
    if not shown:
        return None
    where = "reserved on the device (MiB)" if on_device else "resident set (MiB)"
    return lines("Memory while the texts are answered once", "seconds", where, shown)
