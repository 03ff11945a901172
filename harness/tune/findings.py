"""What the rounds of a search come to: the front, what keeps the constraints, and what comes nearest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from msgspec.structs import replace as changed

from harness.analyse.compare import compare
from harness.analyse.f1 import f1_difference
from harness.analyse.figures import absolute
from harness.analyse.recommend import Constraints, measures, recommend
from harness.analyse.rows import Row
from harness.analyse.stats import Estimate, Prior, divided, spreads
from harness.analyse.winner import tried
from harness.figures import LIMITS
from harness.record import STOCK, Header, Record, Scores

Places = tuple[float, float, float]


@dataclass(frozen=True)
class Findings:
    """All that the search measured, and what of it can be taken."""

    rows: Sequence[Row]  # stock first, then in the order in which they were measured
    refused: Mapping[str, str]  # why each of the others cannot be taken
    front: Sequence[Row]  # what no other beats in time, memory and cold start at once; the fastest first
    candidates: Sequence[Row]  # what keeps answers and constraints, the fastest first; without stock
    nearest: Row | None  # where there are none: what is the least beyond a constraint


def rows_of(
    header: Header, records: Sequence[Record], exact: Mapping[str, bool], theirs: Scores | None = None
) -> list[Row]:
    """The rows of some combinations.

    Args:
        header: the search's.
        records: of its rounds.
        exact: the combinations, with whether each promises the baseline's answers.
        theirs: the baseline's scores, which the F1 of the others is compared with.
    """
    rows, _ = compare(changed(header, exact=dict(exact)), records)
    return [_with_f1(row, theirs, header.f1_margin) for row in rows]


def _with_f1(row: Row, theirs: Scores | None, margin: float) -> Row:
    """The baseline has no rounds in a search: its scores are those of the reference."""
    if row.exact or row.scores is None or theirs is None:
        return row
    both = min(len(row.scores.by_text), len(theirs.by_text))
    return replace(row, f1_difference=f1_difference(row.scores.by_text[:both], theirs.by_text[:both], margin))


def findings(rows: Sequence[Row], limits: Mapping[str, float], margin: float | None) -> Findings:
    """What can be taken of these.

    Args:
        rows: of the search, stock's among them.
        limits: by name, as a suite's targets.
        margin: points of F1 that may be lost; None where every answer has to be kept.
    """
    measured = [row for row in rows if row.latency is not None]
    able = {name: limit for name, limit in limits.items() if measures(rows, name)}
    refused: dict[str, str] = {}
    if any(row.combination != STOCK for row in measured):
        refused = recommend(rows, Constraints(able, None if margin is None else -margin)).refused
    sound = [row for row in measured if row.combination != STOCK and row.sound]
    candidates = [row for row in sound if row.combination not in refused] if able == dict(limits) else []
    most = {row.combination: max(excess(row, limits).values(), default=0.0) for row in sound}
    nearest = None if candidates else min(sound, key=lambda row: most[row.combination], default=None)
    return Findings(rows, refused, front([row for row in measured if row.sound]), _fastest_first(candidates), nearest)


def excess(row: Row, limits: Mapping[str, float]) -> dict[str, float]:
    """How far a combination is beyond each limit, as a share of it; 0 or less where it keeps it."""
    found = {}
    for name, limit in limits.items():
        figure = absolute(row, LIMITS[name].name)
        found[name] = 1.0 if figure is None else figure.value / limit - 1
    return found


def beyond(row: Row, limits: Mapping[str, float]) -> str:
    """What of a combination is measured beyond its limit, in words; empty where nothing is."""
    found = []
    for name, limit in limits.items():
        kind = LIMITS[name]
        figure, show = absolute(row, kind.name), kind.unit.show
        if figure is not None and figure.value > limit:
            found.append(f"{kind.label} {show(figure.value)}, more than {show(limit)}")
    return "; ".join(found)


def values(row: Row) -> Places | None:
    """The objectives: time as a share of stock's, peak memory in bytes, cold start in nanoseconds; less is better."""
    memory, start = absolute(row, "vram") or absolute(row, "rss"), absolute(row, "cold_start")
    if row.latency is None or memory is None or start is None:
        return None
    return row.latency.to_stock.value, memory.value, start.value


def front(rows: Sequence[Row]) -> list[Row]:
    """Those that no other one beats: at least as good in all objectives, and better in one."""
    placed = [(row, place) for row in rows if (place := values(row)) is not None]
    return _fastest_first([row for row, place in placed if not any(_beats(other, place) for _, other in placed)])


def _beats(one: Places, other: Places) -> bool:
    return one != other and all(mine <= theirs for mine, theirs in zip(one, other, strict=True))


def _fastest_first(rows: Sequence[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: row.latency.to_stock.value if row.latency else 0.0)


def flattery(rows: Sequence[Row], searched: Row, confirmed: Row, prior: Prior) -> Estimate | None:
    """The confirmed ratio over the one that the search chose by; above 1 is how much the search flattered.

    Args:
        rows: of the search, whose rounds tell how much a round varies.
        searched: the combination's, of these.
        confirmed: the combination's, of fresh rounds on texts that were held back.
        prior: of how much a round varies.
    """
    if searched.latency is None or confirmed.latency is None:
        return None
    name, fresh = searched.combination, confirmed.latency.tried.ordinary.values
    every = {row.combination: row.latency.tried.ordinary.values for row in rows if row.latency}
    both = tried(every, spreads(every, prior), {name: fresh})[name]
    assert both.confirming is not None
    ours, theirs = both.confirming, both.ordinary
    return divided(ours.values, ours.spread, theirs.values, theirs.spread)
