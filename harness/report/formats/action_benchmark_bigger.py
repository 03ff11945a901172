"""Rates for github-action-benchmark, as its ``customBiggerIsBetter``."""

from __future__ import annotations

from collections.abc import Iterator

from harness.analyse.figures import around, of_estimate
from harness.analyse.rows import Row
from harness.record import STOCK
from harness.report.formats import Run
from harness.report.formats.action_benchmark import Shown, listed
from harness.scenarios import rate_of

DESCRIPTION = "rates for github-action-benchmark (customBiggerIsBetter)"


def of_sound(run: Run) -> str:
    """What is better when it is bigger."""
    return listed((row, one) for row in run.rows for one in _bigger_is_better(row))


def _bigger_is_better(row: Row) -> Iterator[Shown]:
    for load in row.loads:
        how = rate_of(load.scenario).asked(load.clients)
        yield Shown(f"QPS ({how})", "requests/s", around(load.per_second, load.rates))
        if row.combination != STOCK:
            yield Shown(f"QPS over its partner's ({how})", "x", of_estimate(load.to_stock))
