"""A recommendation in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from harness.analyse.figures import absolute
from harness.analyse.recommend import Constraints, Recommendation
from harness.analyse.rows import Latency, Row
from harness.figures import LIMITS, Objective
from harness.plan.short_forms import ShortForms
from harness.record import STOCK
from harness.report.table import cold_start
from harness.report.winner import basis, quoted
from harness.units import format_bytes, format_ms

_BETTER: Mapping[Objective, str] = {
    "time": "faster",
    "p95": "better in P95",
    "memory": "smaller in memory",
    "qps": "better in QPS",
    "offline": "better in texts/s",
    "cold_start": "faster to start",
}


def lines(found: Recommendation, constraints: Constraints, forms: ShortForms) -> Iterator[str]:
    """The best combination, the next best, the cost of each constraint, why the others are out, and what "all" means.

    Args:
        found: the recommendation.
        constraints: those that it keeps.
        forms: how text names the combinations of the run.
    """
    said = [*_lines(found, constraints, forms)]
    yield from said
    if meaning := forms.legend(said):
        yield meaning


def _lines(found: Recommendation, constraints: Constraints, forms: ShortForms) -> Iterator[str]:
    if found.best is None:
        yield "None: no combination of this run is shown to keep the constraints."
    elif found.best.combination == STOCK:
        better = _BETTER[found.objective]
        yield f"Switch on nothing: stock keeps the constraints, and no combination that keeps them is clearly {better}."
    else:
        yield f"Switch on {forms.short(found.best.combination)}: {_said(found.best)}."
        if found.objective == "time":
            yield from basis(found.best, found.alike, found.among, forms)
    if STOCK in found.refused:
        yield f"Stock is not shown to keep the constraints: {found.refused[STOCK]}."
    if found.runner_up is not None:
        yield f"Next best: {forms.short(found.runner_up.combination)}, {_said(found.runner_up)}."
    for name, row in found.without.items():
        yield f"Without {shown(name, constraints)} it would be {forms.short(row.combination)}: {_said(row)}."
    for name, why in found.refused.items():
        if name != STOCK:
            yield f"  not {forms.short(name)}: {why}"


def _said(row: Row) -> str:
    p95, rate, offline = absolute(row, "p95"), absolute(row, "qps"), row.load("offline")
    parts = ["nothing switched on"] if row.combination == STOCK else []
    parts += [_to_stock(row.latency)] if row.latency and row.combination != STOCK else []
    parts += [f"P95 {format_ms(p95.value)}"] if p95 else []
    parts += [f"{rate.value:.3g} requests/s"] if rate else []
    parts += [f"{offline.per_second:.3g} texts/s in one call"] if offline else []
    if row.memory:
        device, host = absolute(row, "vram"), row.memory.rss_serving_peak_bytes
        parts += [f"{format_bytes(device.value)} on the device"] if device else []
        parts += [f"{format_bytes(host)} of host memory"] if host else []
    parts += [f"a cold start of {cold_start(row)}"] if row.starts else []
    if not row.exact and row.f1_difference:
        difference = row.f1_difference
        parts.append(
            f"F1 {difference.value * 100:+.1f} [{difference.low * 100:+.1f}, {difference.high * 100:+.1f}] points"
        )
    return ", ".join(parts)


def _to_stock(found: Latency) -> str:
    said = {"faster": "", "slower": ", slower than stock"}.get(found.named.verdict, ", not clearly faster than stock")
    return f"{quoted(found)}{said}"


def shown(name: str, constraints: Constraints) -> str:
    """A constraint as it is written on the command line."""
    if name == "min_f1_delta":
        return f"--min-f1-delta {constraints.min_f1_delta:g}"
    return f"--{name.replace('_', '-')} {LIMITS[name].unit.show(constraints.limits[name])}"
