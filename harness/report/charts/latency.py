"""P50 and P95 of a request, for each combination."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.analyse.percentiles import P50, P95
from harness.analyse.view import View
from harness.report.drawing.bars import bars
from harness.units import NS_PER_MS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from harness.analyse.percentiles import Percentile


_SHARES = {"P50": P50, "P95": P95}


DESCRIPTION = "P50 and P95 with 95 % intervals"
NEEDS = "the scenario single_stream with enough requests for a percentile, in a suite like quick"


def chart(run: View) -> Figure | None:
    """Bars of both percentiles, with 95 % intervals. A percentile with too few samples is left out."""
    measured = [(row.combination, row.latency.percentiles) for row in run.rows if row.latency and row.sound]
    found = {name: [of[share] for _, of in measured] for name, share in _SHARES.items()}
    found = {name: values for name, values in found.items() if any(values)}
    if not found:
        return None
    return bars(
        "Latency of single requests",
        "milliseconds",
        [name for name, _ in measured],
        {name: [None if one is None else one.value / NS_PER_MS for one in values] for name, values in found.items()},
        "{:.3g} ms",
        {name: [_interval(one) for one in values] for name, values in found.items()},
    )


def _interval(found: Percentile | None) -> tuple[float, float] | None:
    if found is None or found.low is None or found.high is None:
        return None
    return found.low / NS_PER_MS, found.high / NS_PER_MS
