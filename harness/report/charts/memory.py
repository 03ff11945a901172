"""Peak memory while loading and while serving, for each combination."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.analyse.view import View
from harness.report.drawing.bars import bars
from harness.units import MIB

if TYPE_CHECKING:
    from matplotlib.figure import Figure


DESCRIPTION = "peak memory while loading and while serving"
NEEDS = "the scenario single_stream, in a suite like demo"


def chart(run: View) -> Figure | None:
    """Bars of the device's peaks if they were measured, else of the host's."""
    measured = [(row.combination, row.memory) for row in run.rows if row.memory and not row.problem]
    on_device = any(memory.cuda_serving_peak_bytes is not None for _, memory in measured)
    where = "device memory (torch allocator)" if on_device else "host memory (resident set)"
    loading, serving = (
        [_mib(getattr(memory, f"{'cuda' if on_device else 'rss'}_{when}_peak_bytes")) for _, memory in measured]
        for when in ("load", "serving")
    )
    series = {"loading": loading, "serving": serving}
    series = {name: values for name, values in series.items() if any(value is not None for value in values)}
    if not series:
        return None
    return bars(f"Peak {where}", "MiB", [name for name, _ in measured], series, "{:.0f} MiB")


def _mib(count: int | None) -> float | None:
    return None if count is None else count / MIB
