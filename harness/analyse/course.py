"""How a run spent its wall time."""

from __future__ import annotations

from collections.abc import Sequence

from harness.analyse.passes import passes_used, repeated
from harness.analyse.stopping import said_of
from harness.conditions import Course
from harness.record import Finished, Measured, Record

_PARTS = {
    "measuring_s": "timed passes",
    "priming_s": "untimed requests between them",
    "coming_up_s": "starting and warming up processes",
    "cold_starts_s": "cold starts",
    "checking_s": "comparing answers and collecting evidence",
}

_ENDINGS: dict[str, str] = {
    "decided": "decided",
    "budget": "out of time",
    "skipped": "unable to run here",
    "failed": "failed too often",
}


def course(records: Sequence[Record], finished: Sequence[Finished]) -> list[str]:
    """How a run spent its time, how it warmed up, and why it ended, in sentences.

    Args:
        records: of the run.
        finished: one entry for each time that the run ended; empty for a run that was interrupted.
    """
    rounds = {
        (record.cell.combination, record.round): record.course
        for record in records
        if isinstance(record, Measured) and record.course
    }
    if not rounds:
        return []
    return [
        *_time(list(rounds.values()), sum(one.wall_s for one in finished)),
        *repeated(records),
        *passes_used(records),
        *_warm_up(list(rounds.values())),
        *(_ends(finished[-1]) if finished else ["The run was interrupted. The same command continues it."]),
    ]


def _time(rounds: Sequence[Course], wall_s: float) -> list[str]:
    wall = max(wall_s, sum(one.total_s for one in rounds))
    of_parts = {what: sum(getattr(one, part) for one in rounds) for part, what in _PARTS.items()}
    # Early records do not have all parts.
    spent = {what: seconds for what, seconds in of_parts.items() if seconds}
    spent["the rest, including the baseline's answers"] = wall - sum(spent.values())
    shares = ", ".join(f"{seconds / wall:.0%} for {what}" for what, seconds in spent.items())
    return [f"The run took {wall / 60:.1f} minutes of wall time: {shares}."]


def _warm_up(rounds: Sequence[Course]) -> list[str]:
    requests = [one.warm_up_requests for one in rounds]
    unsteady = sum(not one.steady for one in rounds)
    many = _counted(sorted(set(requests)), "request")
    said = f"Warm-up: every text once, then {many} until their times were steady."
    return [f"{said} In {unsteady} of {len(rounds)} rounds they never were." if unsteady else said]


def _ends(finished: Finished) -> list[str]:
    found = []
    names = dict.fromkeys(end.rule for end in finished.ends)
    by_rule = sorted(name for name in names if name not in _ENDINGS)
    for rule in (*by_rule, *(name for name in _ENDINGS if name in names)):
        said = _ENDINGS[rule] if rule in _ENDINGS else said_of(rule)
        of_rule = [end for end in finished.ends if end.rule == rule]
        rounds = sorted({end.rounds for end in of_rule})
        found.append(f"{len(of_rule)} {said} ({_counted(rounds, 'round')})")
    confirming = [end.confirming for end in finished.ends if end.confirming]
    if confirming:
        found.append(f"{len(confirming)} with {_counted(sorted(set(confirming)), 'more round')} for confirmation")
    return [f"Combinations: {', '.join(found)}."]


def _counted(counts: Sequence[int], what: str) -> str:
    """``1 round``, ``4 rounds`` or ``4 to 8 rounds``; the counts are in ascending order."""
    said = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    return f"{said} {what}{'' if list(counts) == [1] else 's'}"
