"""What to switch on, in a few sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from harness.analyse.rates import rate
from harness.analyse.recommend import OBJECTIVES, beats, main_objective
from harness.analyse.rows import Row
from harness.analyse.view import View
from harness.analyse.winner import choice, indistinguishable
from harness.figures import Objective
from harness.plan.short_forms import ShortForms
from harness.record import STOCK, can_be_switched_on
from harness.report.table import cold_start, forms_of, rates_and_starts
from harness.report.winner import basis, quoted
from harness.units import format_bytes


def verdict(run: View) -> str:
    """The advice, with a caution if the run was disturbed."""
    return f"{advice(run.rows)} {run.caution}".rstrip()


def advice(rows: Sequence[Row]) -> str:
    """Name the fastest combination that is faster than stock and keeps every answer, with its gains and costs."""
    objective, forms = main_objective(rows), forms_of(rows)
    if objective != "time":
        return _otherwise(rows, objective)
    able = sorted(filter(_able, rows), key=lambda row: row.latency.to_stock.value if row.latency else 0)
    best = next((row for row in able if row.latency and row.latency.named.verdict == "faster"), None)
    if best is None or best.latency is None:
        return " ".join([_NOTHING, *_unconfirmed(able, forms)])
    parts = [quoted(best.latency)]
    stock = next((row for row in rows if row.combination == STOCK), None)
    if stock is not None:
        parts += _costs(best, stock)
    said = f"Switch on {forms.short(best.combination)}: it takes {', '.join(parts)}. {_unchanged(best)}."
    chosen_from = choice(rows)
    alike = indistinguishable(best.combination, [row.combination for row in able], chosen_from)
    return " ".join([said, *basis(best, alike, len(chosen_from), forms)])


def _unchanged(best: Row) -> str:
    """How many answers changed on these texts, with a bound for other texts."""
    ties = f", apart from {len(best.ties)} by rounding at the threshold" if best.ties else ""
    at_most = 100 * rate(0, best.texts).high
    return f"No answer changed on {best.texts} texts{ties} (95 % bound: at most {at_most:.1f} % of such texts change)"


_NOTHING = "Switch on nothing: no combination of this run is clearly faster than stock and keeps every answer."


def _unconfirmed(able: Sequence[Row], forms: ShortForms) -> Iterator[str]:
    """The result of the combination that looked fastest, if it was tried once more."""
    tried = next((row for row in able if row.latency and row.latency.tried.confirming), None)
    if tried is not None and tried.latency is not None:
        yield f"{forms.short(tried.combination)} looked fastest, but took {quoted(tried.latency)}."


_CLEARLY: Mapping[Objective, str] = {
    "qps": "answers clearly more requests per second than stock",
    "offline": "answers clearly more texts per second than stock",
    "cold_start": "starts clearly faster than stock",
}


def _otherwise(rows: Sequence[Row], objective: Objective) -> str:
    """The advice of a run that did not time single requests."""
    stock = next((row for row in rows if row.combination == STOCK), None)
    better = [row for row in rows if _keeps(row) and stock is not None and beats(row, stock, objective)]
    compared = any(row.texts for row in rows)
    if not better:
        kept = " and keeps every answer" if compared else ""
        return f"Switch on nothing: no combination of this run {_CLEARLY[objective]}{kept}."
    best = min(better, key=lambda row: OBJECTIVES[objective].read(row) or 0.0)
    kept = _unchanged(best) if best.texts else "Its answers were not compared"
    return f"Switch on {forms_of(rows).short(best.combination)}: {', '.join(rates_and_starts(best))}. {kept}."


def _keeps(row: Row) -> bool:
    return can_be_switched_on(row.combination) and row.exact and row.sound


def _able(row: Row) -> bool:
    """Whether the advice may name it for its time."""
    return row.latency is not None and _keeps(row)


def _costs(best: Row, stock: Row) -> list[str]:
    costs = []
    for where, part in (("device", "cuda_serving_peak_bytes"), ("host", "rss_serving_peak_bytes")):
        ours, theirs = (getattr(row.memory, part) if row.memory else None for row in (best, stock))
        if ours is not None and theirs is not None:
            costs.append(f"{format_bytes(ours)} of {where} memory while serving (stock: {format_bytes(theirs)})")
    if best.starts and stock.starts:
        costs.append(f"{cold_start(best)} for a cold start (stock: {cold_start(stock)})")
    return costs
