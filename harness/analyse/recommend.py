"""What to switch on under constraints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from harness.analyse.rows import Row
from harness.analyse.stats import NOISE
from harness.analyse.targets import absolute
from harness.errors import InputError
from harness.record import STOCK
from harness.units import format_bytes, format_ms

Objective: TypeAlias = Literal["time", "p95", "memory", "qps", "cold_start"]
POINTS = 100  # of F1


@dataclass(frozen=True)
class Constraints:
    """What a combination has to keep; None where anything goes."""

    max_vram_bytes: float | None = None
    max_rss_bytes: float | None = None
    max_p95_ns: float | None = None
    min_f1_delta: float | None = None  # points of F1, to the baseline; None lets only those in that keep every answer

    def __post_init__(self) -> None:
        """Only a loss can be let in.

        Raises:
            InputError: the margin of F1 is above 0, or no number.
        """
        if self.min_f1_delta is not None and not self.min_f1_delta <= 0:
            raise InputError(
                f"--min-f1-delta {self.min_f1_delta:g} is no loss; write the points of F1 that may be lost, like -0.1"
            )


@dataclass(frozen=True)
class Recommendation:
    """The best that keeps the constraints, the next best, and what each constraint costs; any may be stock's row."""

    objective: Objective
    best: Row | None  # stock's where nothing is worth switching on
    runner_up: Row | None
    without: dict[str, Row]  # a constraint's name -> what would be best without it, where that is another one
    refused: dict[str, str]  # why each of the others, stock among them, is not taken


def recommend(rows: Sequence[Row], constraints: Constraints, objective: Objective = "time") -> Recommendation:
    """Choose among a run's combinations; stock stands where nothing that keeps the constraints clearly beats it.

    Raises:
        InputError: the run did not measure what a constraint or the objective is about.
    """
    candidates = [row for row in rows if row.combination != STOCK]
    _check_measured(candidates, constraints, objective)
    refused = {row.combination: why for row in rows if (why := _why_not(row, constraints, objective))}
    ranked = _ranked(rows, constraints, objective)
    best = ranked[0] if ranked else None
    without = {}
    for name in ("max_vram_bytes", "max_rss_bytes", "max_p95_ns", "min_f1_delta"):
        # Without a margin for F1 inexact ones are out; without the bound on the margin all of them are in.
        free = None if name != "min_f1_delta" else float("-inf")
        if getattr(constraints, name) is not None:
            other = _ranked(rows, replace(constraints, **{name: free}), objective)[:1]
            if other and (best is None or other[0].combination != best.combination):
                without[name] = other[0]
    return Recommendation(objective, best, ranked[1] if len(ranked) > 1 else None, without, refused)


def _ranked(rows: Sequence[Row], constraints: Constraints, objective: Objective) -> list[Row]:
    """Those that keep the constraints, the best first; stock comes before all that do not clearly beat it."""
    kept = [row for row in rows if _why_not(row, constraints, objective) is None]
    stock = next((row for row in kept if row.combination == STOCK), None)

    def place(row: Row) -> tuple[int, float]:
        behind = 0 if stock is None else 1 if row is stock else 0 if _beats(row, stock, objective) else 2
        return behind, OBJECTIVES[objective](row) or 0.0

    return sorted(kept, key=place)


def _beats(row: Row, stock: Row, objective: Objective) -> bool:
    """Whether it is clearly better than stock: its interval, where there is one, is beyond stock's and the noise."""
    if objective == "time":
        return row.latency is not None and row.latency.to_stock.verdict == "faster"
    if objective == "qps":  # timed in turns with stock, whose own row need not have it
        loads = [load for load in row.loads if load.scenario == "closed_loop"]
        return max(loads, key=lambda load: load.per_second).to_stock.low > 1 + NOISE
    figure = _memory_figure(row) if objective == "memory" else objective
    ours, theirs = absolute(row, figure), absolute(stock, figure)
    if ours is None or theirs is None:
        return False
    high = ours.value if ours.high is None else ours.high
    low = theirs.value if theirs.low is None else theirs.low
    return high < low * (1 - NOISE)


def _why_not(row: Row, constraints: Constraints, objective: Objective) -> str | None:
    """Why a combination cannot be taken, or None."""
    if row.latency is None:
        return row.problem or "not measured"
    reasons, over = [], []
    if row.broken and row.exact:
        reasons.append(f"gives other answers on {len(row.broken)} of {row.texts} texts")
    if not row.exact and (why := _loses(row, constraints.min_f1_delta)):
        reasons.append(why)
    for limit, value, what, written in (
        (constraints.max_vram_bytes, _vram(row), "memory on the device", format_bytes),
        (constraints.max_rss_bytes, _rss(row), "host memory", format_bytes),
        (constraints.max_p95_ns, _p95(row), "P95", format_ms),
    ):
        if limit is not None and value is None:
            reasons.append(f"its {what} was not measured")
        if limit is not None and value is not None and value > limit:
            over.append(f"{what} {written(value)}")
    reasons += [f"over the limit: {', '.join(over)}"] if over else []
    if OBJECTIVES[objective](row) is None and not (row.combination == STOCK and objective == "qps"):
        reasons.append("what is to be best was not measured of it")
    return "; ".join(reasons) or None


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


def _memory_figure(row: Row) -> str:
    """On the device where there is one."""
    return "rss" if absolute(row, "vram") is None else "vram"


_vram, _rss, _p95, _qps = (_read(name) for name in ("vram", "rss", "p95", "qps"))


# What less of is better, by objective.
OBJECTIVES: dict[Objective, Callable[[Row], float | None]] = {
    "time": lambda row: row.latency.to_stock.value if row.latency else None,
    "p95": _p95,
    "memory": lambda row: _read(_memory_figure(row))(row),
    "qps": lambda row: None if (found := _qps(row)) is None else -found,
    "cold_start": _read("cold_start"),
}
