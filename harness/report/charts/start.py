"""The parts of a cold start."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING

from harness.analyse.view import View
from harness.report.drawing.bars import stacked
from harness.units import NS_PER_S

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DESCRIPTION = "the parts of a cold start, stacked: imports, the context on a GPU, weights and the first call"
NEEDS = "the scenario cold_start, in a suite like demo"
_PARTS = {"imports": "imports_ns", "context": "context_ns", "weights": "weights_ns", "first call": "first_call_ns"}


def chart(run: View) -> Figure | None:
    """Stacked bars of the mean over starts, one for each combination."""
    found = {row.combination: row.starts for row in run.rows if row.starts and not row.problem}
    if not found:
        return None
    parts = {
        name: [fmean(getattr(one, part) or 0 for one in starts) / NS_PER_S for starts in found.values()]
        for name, part in _PARTS.items()
    }
    if not any(parts["context"]):  # a CPU has none
        del parts["context"]
    return stacked("Cold start until the first answer", "seconds", list(found), parts, "{:.2f} s")
