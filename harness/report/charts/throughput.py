"""Requests answered a second under load, per combination."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.analyse.view import View
from harness.report.drawing.bars import bars
from harness.scenarios import KINDS

if TYPE_CHECKING:
    from matplotlib.figure import Figure


DESCRIPTION = "texts answered a second under load"
NEEDS = "the scenario closed_loop, as the suites demo and quick have it, or offline"


def chart(run: View) -> Figure | None:
    """Bars for each scenario under load that any combination was measured in."""
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
    return bars("Texts answered a second", "texts / s", [row.combination for row in measured], series, "{:.3g}")
