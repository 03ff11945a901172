"""The best combination under constraints."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import get_args

from harness.analyse.f1 import POINTS
from harness.analyse.figures import Figure, absolute, fastest
from harness.analyse.percentiles import FEWEST_SAMPLES
from harness.analyse.rows import Row
from harness.analyse.stats import NOISE
from harness.analyse.targets import kept_by
from harness.analyse.winner import choice, indistinguishable
from harness.errors import InputError
from harness.figures import LIMITS, FigureName, Kind, Objective
from harness.record import STOCK, Scenario, is_peer

# What a run is about: the first of these that it measured.
MAINS: tuple[Objective, ...] = ("time", "qps", "offline", "cold_start")


@dataclass(frozen=True)
class Constraints:
    """The limits that a combination must keep."""

    limits: Mapping[str, float] = field(default_factory=dict)  # by name, as a suite's targets: ns, bytes, requests/s
    min_f1_delta: float | None = None  # least F1 minus the baseline's, in points; None: every answer must be kept

    def __post_init__(self) -> None:
        """Check that the F1 delta is a loss.

        Raises:
            InputError: it is above 0, or not a number.
        """
        if self.min_f1_delta is not None and not self.min_f1_delta <= 0:
            raise InputError(
                f"--min-f1-delta {self.min_f1_delta:g} is not a loss; write the points of F1 to lose at most, like -0.1"
            )


@dataclass(frozen=True)
class Recommendation:
    """The best combination under the constraints, the next best, and the cost of each constraint.

    Each row may be stock's.
    """

    objective: Objective
    best: Row | None  # stock's if nothing is worth switching on
    runner_up: Row | None
    without: dict[str, Row]  # a constraint's name -> the best combination without it, if that is another one
    refused: dict[str, str]  # why each of the others, including stock, is not taken
    among: int  # how many combinations there were to choose from
    alike: tuple[str, ...]  # those that keep the constraints and are not shown to be slower than the best


def recommend(rows: Sequence[Row], constraints: Constraints, objective: Objective = "time") -> Recommendation:
    """Choose among a run's combinations. Stock is chosen if no combination under the constraints clearly beats it.

    Raises:
        InputError: the run did not measure the figure of a constraint or of the objective.
    """
    rows = [row for row in rows if not is_peer(row.combination)]  # a peer cannot be switched on
    candidates = [row for row in rows if row.combination != STOCK]
    _check_measured(candidates, constraints, objective)
    refused = {row.combination: why for row in rows if (why := _why_not(row, constraints, objective))}
    ranked = _ranked(rows, constraints, objective)
    best = ranked[0] if ranked else None
    without = {}
    for name, freed in _each_lifted(constraints).items():
        other = _ranked(rows, freed, objective)[:1]
        if other and (best is None or other[0].combination != best.combination):
            without[name] = other[0]
    chosen_from = choice(rows)
    by_time = objective == "time" and best is not None and best.combination in chosen_from
    able = [row.combination for row in ranked if row.combination in chosen_from]
    alike = tuple(indistinguishable(best.combination, able, chosen_from)) if best and by_time else ()
    runner_up = ranked[1] if len(ranked) > 1 else None
    return Recommendation(objective, best, runner_up, without, refused, len(chosen_from), alike)


def _each_lifted(constraints: Constraints) -> dict[str, Constraints]:
    """For each constraint, by name: all other constraints."""
    limits = constraints.limits
    lifted = {
        name: replace(constraints, limits={other: limits[other] for other in limits if other != name})
        for name in limits
    }
    if constraints.min_f1_delta is not None:
        # Without this limit, inexact combinations are considered whatever their F1.
        lifted["min_f1_delta"] = replace(constraints, min_f1_delta=float("-inf"))
    return lifted


def _ranked(rows: Sequence[Row], constraints: Constraints, objective: Objective) -> list[Row]:
    """The combinations that keep the constraints, the best first. Stock precedes those that do not clearly beat it."""
    keeping = [row for row in rows if _why_not(row, constraints, objective) is None]
    stock = next((row for row in keeping if row.combination == STOCK), None)

    def place(row: Row) -> tuple[int, float]:
        behind = 0 if stock is None else 1 if row is stock else 0 if beats(row, stock, objective) else 2
        return behind, OBJECTIVES[objective].read(row) or 0.0

    return sorted(keeping, key=place)


def main_objective(rows: Sequence[Row]) -> Objective:
    """The main objective of a run: the time of single requests or, if it was not measured, the first other one."""
    return next((one for one in MAINS if any(OBJECTIVES[one].read(row) is not None for row in rows)), "time")


def beats(row: Row, stock: Row, objective: Objective) -> bool:
    """Whether it is clearly better than stock: its whole interval, if it has one, is beyond stock's and the noise."""
    return OBJECTIVES[objective].beats(row, stock)


def _why_not(row: Row, constraints: Constraints, objective: Objective) -> str | None:
    """Why a combination cannot be taken, or None."""
    if row.problem or not row.measured:
        return row.problem or "not measured"
    reasons = []
    if row.broken and row.exact:
        reasons.append(f"gives other answers on {len(row.broken)} of {row.texts} texts")
    # With stock, the answers of today stay the same.
    if not row.exact and row.combination != STOCK and (why := _loses(row, constraints.min_f1_delta)):
        reasons.append(why)
    reasons += [why for name, limit in constraints.limits.items() if (why := _beyond(row, name, limit))]
    aim = OBJECTIVES[objective]
    if aim.read(row) is None and not (row.combination == STOCK and aim.beside_stock):
        reasons.append("the objective was not measured for it")
    return "; ".join(reasons) or None


def _beyond(row: Row, name: str, limit: float) -> str | None:
    """Why a limit is not kept, or not shown to be; the whole interval of the figure must keep it."""
    kind = LIMITS[name]
    found, show = absolute(row, kind.name), kind.unit.show
    if found is None:
        return f"its {kind.label} was not measured"
    shown = f"its {kind.label}, {show(found.value)}{_interval(found, show)},"
    asked = f"at {'least' if kind.better == 'more' else 'most'} {show(limit)}"
    match kept_by(row, name, limit):
        case "missed":
            return f"{shown} is not {asked}"
        case "unsure":
            return f"{shown} is not shown to be {asked}{f', which needs {found.lacks}' if found.lacks else ''}"
    return None


def _interval(found: Figure, show: Callable[[float], str]) -> str:
    if found.low is None or found.high is None:
        return ""
    return f" [{show(found.low)}, {show(found.high)}]"


def _loses(row: Row, least: float | None) -> str | None:
    if least is None:
        return "may change answers"
    if row.f1_difference is None:
        return "its F1 is not known"
    low = row.f1_difference.low * POINTS
    return f"may lose up to {-low:.1f} points of F1" if low < least else None


def _check_measured(rows: Sequence[Row], constraints: Constraints, objective: Objective) -> None:
    for name in constraints.limits:
        if not measures(rows, name):
            what = f"{LIMITS[name].label}{_needs(LIMITS[name])}"
            raise InputError(f"this run did not measure {what}; leave that constraint out, or run a suite that does")
    if not any(OBJECTIVES[objective].read(row) is not None for row in rows):
        others = [name for name, one in OBJECTIVES.items() if any(one.read(row) is not None for row in rows)]
        raise InputError(
            f"this run did not measure {objective}; choose another objective ({', '.join(others) or 'it has none'})"
        )


def measures(rows: Sequence[Row], name: str) -> bool:
    """Whether any of the rows has the figure of this limit."""
    return any(absolute(row, LIMITS[name].name) is not None for row in rows)


def determines(rows: Sequence[Row], name: str, limit: float) -> bool:
    """Whether any of the rows is shown to keep this limit, or to miss it."""
    return any(kept_by(row, name, limit) in ("met", "missed") for row in rows)


def _needs(kind: Kind) -> str:
    """What a run that cannot tell a figure may lack."""
    if kind.on_device:
        return " (it ran on a CPU)"
    return "" if kind.share is None else f" (it needs {FEWEST_SAMPLES[kind.share]} requests of a combination)"


def _memory_figure(row: Row) -> FigureName:
    """The device's memory if there is a device, else the host's."""
    return "rss" if absolute(row, "vram") is None else "vram"


@dataclass(frozen=True)
class Aim:
    """What a combination can be the best in."""

    read: Callable[[Row], float | None]  # less is better
    beats: Callable[[Row, Row], bool]  # whether a combination is clearly better than stock's row
    beside_stock: bool = False  # every one was timed in turns with stock, whose own row need not have it


def _of_load(under: Scenario) -> Aim:
    def read(row: Row) -> float | None:
        best = fastest(row, under)
        return None if best is None else -best.per_second

    def beats(row: Row, _: Row) -> bool:
        best = fastest(row, under)
        return best is not None and best.to_stock.low > 1 + NOISE

    return Aim(read, beats, beside_stock=True)


def _of_figure(which: Callable[[Row], FigureName]) -> Aim:
    def read(row: Row) -> float | None:
        found = absolute(row, which(row))
        return None if found is None else found.value

    def beats(row: Row, stock: Row) -> bool:
        """Its interval, where there is one, is beyond stock's and the noise."""
        ours, theirs = absolute(row, which(row)), absolute(stock, which(row))
        if ours is None or theirs is None:
            return False
        high = ours.value if ours.high is None else ours.high
        low = theirs.value if theirs.low is None else theirs.low
        return high < low * (1 - NOISE)

    return Aim(read, beats)


OBJECTIVES: Mapping[Objective, Aim] = {
    "time": Aim(
        lambda row: row.latency.to_stock.value if row.latency else None,
        lambda row, _: row.latency is not None and row.latency.named.verdict == "faster",
    ),
    "p95": _of_figure(lambda _: "p95"),
    "memory": _of_figure(_memory_figure),
    "qps": _of_load("closed_loop"),
    "offline": _of_load("offline"),
    "cold_start": _of_figure(lambda _: "cold_start"),
}
assert set(OBJECTIVES) == set(get_args(Objective))
