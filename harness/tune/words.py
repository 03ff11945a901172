"""The result of a search, in words and as data for other programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from harness.analyse.f1 import POINTS
from harness.analyse.rows import Row
from harness.analyse.stats import Estimate
from harness.figures import LIMITS
from harness.record import STOCK
from harness.report.table import cold_start, ratio
from harness.tune.findings import excess, values
from harness.tune.search import NO_TIME
from harness.tune.tune import Confirmed, Found
from harness.units import format_bytes


def lines(found: Found) -> Iterator[str]:
    """The front as a Markdown table, the failures, and the named combination."""
    states: list[str] = [one.state for one in found.made]
    counts = {"measured in full": "whole", "stopped early": "stopped", "failed": "failed", "begun": "open"}
    told = ", ".join(f"{states.count(state)} {said}" for said, state in counts.items() if states.count(state))
    yield f"Combinations tried: {len(states)}{f' ({told})' if told else ''}, on {_texts(found.texts)}; {found.ended}."
    yield ""
    yield from _table(found)
    yield ""
    for one in found.made:
        if one.state == "failed":
            yield f"  not {one.combination}: {one.why}"
    for why in dict.fromkeys(found.left_out.values()):
        yield f"  left out, {', '.join(name for name, other in found.left_out.items() if other == why)}: {why}"
    yield from (f"  not confirmed, {name}: {why}" for name, why in found.unconfirmed.items())
    yield ""
    yield from _named(found)


def _table(found: Found) -> Iterator[str]:
    yield "The Pareto front: no other combination tried is better in time, memory and cold start at once:"
    yield ""
    yield "| combination | time / stock | memory | cold start | rounds | constraints |"
    yield "| --- | ---: | ---: | ---: | ---: | --- |"
    stock = [row for row in found.found.rows if row.combination == STOCK and row not in found.found.front]
    for row in (*found.found.front, *(one for one in stock if one.latency)):
        place = values(row)
        assert row.latency is not None
        memory = format_bytes(place[1]) if place else "–"
        rounds = len(row.latency.tried.ordinary.values)
        kept = (
            "kept"
            if row.combination not in found.found.refused
            else f"not kept: {found.found.refused[row.combination]}"
        )
        name = f"{row.combination} (for comparison)" if row in stock else row.combination
        yield f"| {name} | {ratio(row.latency.to_stock)} | {memory} | {cold_start(row)} | {rounds} | {kept} |"


def _named(found: Found) -> Iterator[str]:
    winner, nearest = found.winner, found.found.nearest
    if winner is None and found.unconfirmed:
        yield (
            "None: the best combinations were not confirmed on the held-back texts. If the time ran out, the same "
            "command continues."
        )
    elif winner is None and nearest is not None:
        beyond = max(excess(nearest, found.limits).items(), key=lambda one: one[1], default=None)
        limit = f" {_limit(beyond[0], found)}" if beyond else ""
        why = found.found.refused.get(nearest.combination, "it was not measured completely")
        yield f"None: no combination that was tried is shown to keep the constraints{limit}."
        yield f"The nearest is {nearest.combination}: {why}."
    elif winner is None:
        more = "; the same command with a larger --budget continues" if found.ended == NO_TIME else ""
        yield f"None: no combination was measured{more}."
    elif found.stays:
        name = winner.row.combination
        yield f"Switch on nothing: {name} looked fastest, but took {_quoted(winner)}, which is not clearly faster."
        yield from _flattery(found, winner)
    else:
        said = f"it took {_quoted(winner)}{_loss(_searched(found, winner))}"
        yield f"Switch on {winner.row.combination}: {said}."
        yield from _flattery(found, winner)
    if winner is not None:
        yield from winner.account


def _loss(row: Row) -> str:
    """The change of F1 on all texts, if the combination may change answers."""
    if row.exact or row.f1_difference is None:
        return ""
    value, low, high = (
        one * POINTS for one in (row.f1_difference.value, row.f1_difference.low, row.f1_difference.high)
    )
    return f", F1 {value:+.1f} [{low:+.1f}, {high:+.1f}] points"


def _limit(name: str, found: Found) -> str:
    return f"({name.replace('_', ' ')} {LIMITS[name].unit.show(found.limits[name])})"


def _quoted(winner: Confirmed) -> str:
    assert winner.row.latency is not None
    rounds = f"{winner.rounds} fresh round{'' if winner.rounds == 1 else 's'}"
    held_back = f"{_texts(winner.texts)} that the search did not time"
    return f"{ratio(winner.row.latency.to_stock)} of stock's time in {rounds} on {held_back}"


def _flattery(found: Found, winner: Confirmed) -> Iterator[str]:
    searched = _searched(found, winner)
    if searched.latency is None or winner.flattered is None:
        return
    by = winner.flattered
    yield (
        f"In the search it took {ratio(searched.latency.to_stock)}. The fresh rounds on other texts give "
        f"{ratio(by)} times this ratio. Above 1, the search made it look better than it is."
    )


def _texts(count: int) -> str:
    return f"{count} text{'' if count == 1 else 's'}"


def _searched(found: Found, winner: Confirmed) -> Row:
    return next(row for row in found.found.rows if row.combination == winner.row.combination)


def as_data(found: Found) -> dict[str, Any]:
    """The same for other programs: ratios, bytes and nanoseconds."""
    by_name = {row.combination: row for row in found.found.rows}
    front = {row.combination for row in found.found.front}
    tried = []
    for one in found.made:
        row = by_name.get(one.combination)
        place = values(row) if row else None
        tried.append(
            {
                "combination": one.combination,
                "state": one.state,
                "why": one.why,
                "time_to_stock": _interval(row.latency.to_stock) if row and row.latency else None,
                "rounds": len(row.latency.tried.ordinary.values) if row and row.latency else 0,
                "memory_bytes": place[1] if place else None,
                "cold_start_ns": place[2] if place else None,
                "on_front": one.combination in front,
                "refused": found.found.refused.get(one.combination),
            }
        )
    return {
        "ended": found.ended,
        "constraints": dict(found.limits),
        "combinations": tried,
        "left_out": dict(found.left_out),
        "not_confirmed": dict(found.unconfirmed),
        "winner": _winner(found.winner) if found.winner and not found.stays else None,
    }


def _winner(winner: Confirmed) -> dict[str, Any]:
    latency = winner.row.latency
    return {
        "combination": winner.row.combination,
        "time_to_stock": _interval(latency.to_stock) if latency else None,
        "fresh_rounds": winner.rounds,
        "held_back_texts": winner.texts,
        "flattered": _interval(winner.flattered) if winner.flattered else None,
        "run": str(winner.directory),
    }


def _interval(found: Estimate) -> dict[str, float]:
    return {"value": found.value, "low": found.low, "high": found.high}
