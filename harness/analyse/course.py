"""Where a run's wall time went."""

from __future__ import annotations

from collections.abc import Sequence

from harness.analyse.passes import repeated, told
from harness.analyse.stopping import said_of
from harness.conditions import Course
from harness.record import Finished, Measured, Record

_PARTS = {
    "measuring_s": "inside timed passes",
    "priming_s": "untimed requests between those",
    "coming_up_s": "processes coming up and warming up",
    "cold_starts_s": "cold starts",
    "checking_s": "comparing answers and taking evidence",
}

_ENDINGS: dict[str, str] = {
    "decided": "were decided",
    "budget": "had no more time",
    "skipped": "cannot run here",
    "failed": "failed too often",
}


def course(records: Sequence[Record], finished: Sequence[Finished]) -> list[str]:
    """What a run's time was spent on, how it warmed up, and why it ended, in sentences.

    Args:
        records: of the run.
        finished: each time it came to an end; empty for a run that was interrupted.
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
        *told(records),
        *_warm_up(list(rounds.values())),
        *(_ends(finished[-1]) if finished else ["The run was interrupted; running it again goes on."]),
    ]


def _time(rounds: Sequence[Course], wall_s: float) -> list[str]:
    wall = max(wall_s, sum(one.total_s for one in rounds))
    of_parts = {what: sum(getattr(one, part) for one in rounds) for part, what in _PARTS.items()}
    # Earlier records tell some parts apart less.
    spent = {what: seconds for what, seconds in of_parts.items() if seconds}
    spent["the rest, the baseline's answers among it"] = wall - sum(spent.values())
    shares = ", ".join(f"{seconds / wall:.0%} {what}" for what, seconds in spent.items())
    return [f"Of {wall / 60:.1f} minutes of wall time: {shares}."]


def _warm_up(rounds: Sequence[Course]) -> list[str]:
    requests = [one.warm_up_requests for one in rounds]
    unsteady = sum(not one.steady for one in rounds)
    said = f"Warm-up: every text once, then {min(requests)} to {max(requests)} requests until their time was steady"
    return [f"{said}; in {unsteady} of {len(rounds)} rounds it never was." if unsteady else f"{said}."]


def _ends(finished: Finished) -> list[str]:
    found = []
    names = dict.fromkeys(end.rule for end in finished.ends)
    by_rule = sorted(name for name in names if name not in _ENDINGS)
    for rule in (*by_rule, *(name for name in _ENDINGS if name in names)):
        said = _ENDINGS[rule] if rule in _ENDINGS else said_of(rule)
        of_rule = [end for end in finished.ends if end.rule == rule]
        rounds = sorted({end.rounds for end in of_rule})
        found.append(f"{len(of_rule)} {said} (after {_range(rounds)} rounds)")
    confirming = [end.confirming for end in finished.ends if end.confirming]
    if confirming:
        found.append(f"{len(confirming)} had {_range(sorted(set(confirming)))} confirming rounds more")
    return [f"Combinations: {', '.join(found)}."]


def _range(counts: Sequence[int]) -> str:
    return f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
