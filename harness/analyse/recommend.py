"""What to switch on under constraints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from harness.analyse.rows import Row
from harness.analyse.targets import absolute
from harness.errors import InputError
from harness.record import STOCK

Objective: TypeAlias = Literal["time", "p95", "memory", "qps", "cold_start"]
POINTS = 100  # of F1


@dataclass(frozen=True)
class Constraints:
    """What a combination has to keep; None where anything goes."""

    max_vram_bytes: float | None = None
    max_rss_bytes: float | None = None
    max_p95_ns: float | None = None
    min_f1_delta: float | None = None  # points of F1, to the baseline; None lets only those in that keep every answer


@dataclass(frozen=True)
class Recommendation:
    """The best combination that keeps the constraints, the next best, and what each constraint costs."""

    best: Row | None
    runner_up: Row | None
    without: dict[str, Row]  # a constraint's name -> what would be best without it, where that is another one
    refused: dict[str, str]  # why each of the others is not taken


def recommend(rows: Sequence[Row], constraints: Constraints, objective: Objective = "time") -> Recommendation:
    """Choose among a run's combinations; stock is none of them.

    Raises:
        InputError: the run did not measure what a constraint or the objective is about.
    """
    candidates = [row for row in rows if row.combination != STOCK]
    _check_measured(candidates, constraints, objective)
    refused = {row.combination: why for row in candidates if (why := _why_not(row, constraints, objective))}
    ranked = _ranked(candidates, constraints, objective)
    best = ranked[0] if ranked else None
    without = {}
    for name in ("max_vram_bytes", "max_rss_bytes", "max_p95_ns", "min_f1_delta"):
        # Without a margin for F1 inexact ones are out; without the bound on the margin all of them are in.
        free = None if name != "min_f1_delta" else float("-inf")
        if getattr(constraints, name) is not None:
            other = _ranked(candidates, replace(constraints, **{name: free}), objective)[:1]
            if other and (best is None or other[0].combination != best.combination):
                without[name] = other[0]
    return Recommendation(best, ranked[1] if len(ranked) > 1 else None, without, refused)


def _ranked(rows: Sequence[Row], constraints: Constraints, objective: Objective) -> list[Row]:
    kept = [row for row in rows if _why_not(row, constraints, objective) is None]
    return sorted(kept, key=lambda row: OBJECTIVES[objective](row) or 0.0)


def _why_not(row: Row, constraints: Constraints, objective: Objective) -> str | None:
    """Why a combination cannot be taken, or None."""
    if row.latency is None:
        return row.problem or "not measured"
    if row.broken and row.exact:
        return f"gives other answers on {len(row.broken)} of {row.texts} texts"
    if not row.exact and (why := _loses(row, constraints.min_f1_delta)):
        return why
    for limit, value, what in (
        (constraints.max_vram_bytes, _vram(row), "memory on the device"),
        (constraints.max_rss_bytes, _rss(row), "host memory"),
        (constraints.max_p95_ns, _p95(row), "P95"),
    ):
        if limit is not None and value is None:
            return f"its {what} was not measured"
        if limit is not None and value is not None and value > limit:
            return f"its {what} is over the limit"
    return None if OBJECTIVES[objective](row) is not None else "what is to be best was not measured of it"


def _loses(row: Row, least: float | None) -> str | None:
    if least is None:
        return "may change answers"
    if row.f1_difference is None:
        return "its F1 is not known"
    low = row.f1_difference.low * POINTS
    return f"may lose {-low:.1f} points of F1" if low < least else None


def _check_measured(rows: Sequence[Row], constraints: Constraints, objective: Objective) -> None:
    for limit, measure, what in (
        (constraints.max_vram_bytes, _vram, "memory on a device (it ran on a CPU)"),
        (constraints.max_rss_bytes, _rss, "host memory"),
        (constraints.max_p95_ns, _p95, "P95 (it needs 93 requests of a combination)"),
    ):
        if limit is not None and not any(measure(row) is not None for row in rows):
            raise InputError(f"this run did not measure {what}; leave that constraint out, or run a suite that does")
    if not any(OBJECTIVES[objective](row) is not None for row in rows):
        raise InputError(f"this run did not measure {objective}; choose another objective ({', '.join(OBJECTIVES)})")


def _read(name: str) -> Callable[[Row], float | None]:
    def value(row: Row) -> float | None:
        found = absolute(row, name)
        return found.value if found else None

    return value


_vram, _rss, _p95, _qps = (_read(name) for name in ("vram", "rss", "p95", "qps"))


# What less of is better, by objective.
OBJECTIVES: dict[Objective, Callable[[Row], float | None]] = {
    "time": lambda row: row.latency.to_stock.value if row.latency else None,
    "p95": _p95,
    "memory": lambda row: _vram(row) if _vram(row) is not None else _rss(row),
    "qps": lambda row: None if (found := _qps(row)) is None else -found,
    "cold_start": _read("cold_start"),
}
