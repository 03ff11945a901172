"""Texts answered per second under load, for each combination."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.analyse.view import View
from harness.report.drawing.bars import bars
from harness.scenarios import KINDS

if TYPE_CHECKING:
    from matplotlib.figure import Figure


DESCRIPTION = "texts answered per second under load"
NEEDS = "the scenario closed_loop, as in the suites demo and quick, or offline"


def chart(run: View) -> Figure | None:
    """Bars for each load that was measured for any combination."""
    measured = [row for row in run.rows if row.loads and row.sound]
    if not measured:
        return None
    loads = sorted({(load.scenario, load.clients) for row in measured for load in row.loads})
    series = {
        f"{scenario} ({count} clients)" if KINDS[scenario].per_clients else scenario: [
            load.per_second if (load := row.load(scenario, count)) else None for row in measured
        ]
        for scenario, count in loads
    }
    return bars("Texts answered per second", "texts / s", [row.combination for row in measured], series, "{:.3g}")
