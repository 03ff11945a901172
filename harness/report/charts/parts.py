"""The parts of a request's time."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING

from harness.analyse.view import View
from harness.profile import PARTS
from harness.report.drawing.bars import stacked
from harness.units import NS_PER_MS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DESCRIPTION = "the parts of a request, from tokens to spans, stacked; from an untimed pass"
NEEDS = "the scenario single_stream, in a suite like demo; early runs did not record it"


def chart(run: View) -> Figure | None:
    """Stacked bars of the mean over texts, one for each combination."""
    found = {row.combination: row.profile.parts_ns for row in run.rows if row.profile and row.sound}
    if not found:
        return None
    parts = {part.replace("_", " "): [fmean(of[part]) / NS_PER_MS for of in found.values()] for part in PARTS}
    return stacked("Parts of a request", "mean over texts (ms)", list(found), parts, "{:.3g} ms")
