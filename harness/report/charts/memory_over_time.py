"""The memory of a process while it answers all texts once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.analyse.view import View
from harness.report.drawing.lines import Line, lines, notable
from harness.units import MIB, NS_PER_S

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DESCRIPTION = "memory during one untimed pass, for the notable combinations"
NEEDS = "the scenario single_stream, in a suite like demo; early runs did not record it"
# The label of the axis by the field of a profile. The first field that a run has is drawn.
_WHERE = {
    "cuda_allocated_bytes": "in use by tensors on the device (MiB)",
    "cuda_bytes": "reserved on the device (MiB)",
    "rss_bytes": "resident set (MiB)",
}


def chart(run: View) -> Figure | None:
    """One line for each combination: the device's memory if there is a device, else the host's."""
    found = {row.combination: row.profile for row in notable(run.rows) if row.profile}
    kind = next((kind for kind in _WHERE if any(getattr(one, kind) for one in found.values())), "rss_bytes")
    shown = []
    for name, one in found.items():
        if sizes := getattr(one, kind):
            seconds = [place * one.step_ns / NS_PER_S for place in range(len(sizes))]
            shown.append(Line(name, seconds, [size / MIB for size in sizes]))
    if not shown:
        return None
    return lines("Memory while all texts are answered once", "seconds", _WHERE[kind], shown)
