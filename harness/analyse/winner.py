"""The combination that a run names: which are tried once more for it, and what an interval is that knows it was chosen.

The fastest of many looks faster than it is, by the very rounds that it was chosen by. So rounds are made for it that
nobody had seen when it was chosen; without them its interval has to hold for whichever might have been chosen.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from statistics import fmean

from harness.analyse.rows import Rounds, Row, Tried
from harness.analyse.stats import (
    ALPHA,
    NOISE,
    Estimate,
    Spread,
    Spreads,
    divided,
    estimate,
    judged_together,
    spreads,
)
from harness.record import ColdStart, Measured, Record, can_be_switched_on

# The fastest and its two nearest: enough that another can stand in for one whose answers turn out to differ, and few
# enough to be paid for.
CONTENDERS = 3
# The degrees of freedom at most by which one is called slower than the best. With thousands of pairs, such a verdict
# depends on the far tail of the rounds' distribution. It may be heavier than a normal one's, and few rounds cannot
# show that. With 15, the error is kept if rounds follow a t distribution with 3 (`make simulate`).
_TAILED = 15.0


def contenders(
    exact: Mapping[str, bool], rounds: Mapping[str, Sequence[float]], records: Sequence[Record]
) -> list[str]:
    """The combinations that the confirming rounds are for, the fastest first; none where there is nothing to confirm.

    Args:
        exact: whether a combination promises the baseline's answers.
        rounds: each one's log ratios to stock, one an ordinary round.
        records: of the ordinary rounds.
    """
    spoiled = {record.cell.combination for record in records if _is_spoiled(record)}
    means = {
        name: fmean(found)
        for name, found in rounds.items()
        if found and exact[name] and can_be_switched_on(name) and name not in spoiled
    }
    ranked = sorted(means, key=lambda name: means[name])
    return ranked[:CONTENDERS] if ranked and means[ranked[0]] < math.log(1 - NOISE) else []


def _is_spoiled(record: Record) -> bool:
    """Whether it keeps its combination from being named: it failed, or answered otherwise."""
    if not isinstance(record, Measured):
        return True
    return not isinstance(record.samples, ColdStart) and bool(record.samples.parity.broken)


def tried(
    ordinary: Mapping[str, Sequence[float]],
    spread: Spreads,
    confirming: Mapping[str, Sequence[float]],
) -> dict[str, Tried]:
    """Each combination's rounds of both kinds.

    How much confirming rounds vary is judged beside the ordinary ones, and as of other combinations: two kinds of one
    combination do not lie around one mean, because the ordinary ones have chosen it.

    Args:
        ordinary: each combination's log ratios to stock, one a round.
        spread: of these.
        confirming: likewise, of the few that have such rounds.
    """
    apart = {f"confirming {name}": values for name, values in confirming.items()}
    beside = spreads({**ordinary, **apart}, spread.prior) if apart else spread
    return {
        name: Tried(
            Rounds(tuple(values), spread.of(name)),
            Rounds(tuple(confirming[name]), beside.of(f"confirming {name}")) if confirming.get(name) else None,
        )
        for name, values in ordinary.items()
    }


def named(of: Mapping[str, Tried], alpha: float = ALPHA) -> dict[str, Estimate]:
    """Each combination's ratio to stock as it may be quoted where it is the one that is named.

    One with confirming rounds has the ratio of these alone. They did not take part in choosing it, so the interval is
    an ordinary one; the verdicts of all that have such rounds are judged together. Any other has an interval that
    holds for all of them at once (Bonferroni), and so for whichever is chosen.

    Args:
        of: those that one is chosen from.
        alpha: how often an interval of ordinary rounds misses; less than 5 % where they may have ended early.
    """
    fresh = {name: _estimate(one.confirming, ALPHA) for name, one in of.items() if one.confirming}
    together = {name: _estimate(one.ordinary, alpha / len(of)) for name, one in of.items()}
    return together | judged_together(fresh)


def _estimate(rounds: Rounds, alpha: float) -> Estimate:
    return estimate(rounds.values, rounds.spread, alpha)


def choice(rows: Sequence[Row]) -> dict[str, Tried]:
    """What a run chooses from."""
    return {row.combination: row.latency.tried for row in rows if row.latency and can_be_switched_on(row.combination)}


def indistinguishable(best: str, able: Collection[str], of: Mapping[str, Tried]) -> list[str]:
    """Those that are not shown to be slower than the best, the fastest first.

    That any of the others is called slower that is not has a chance of 5 % at most: each pair of all that might have
    been chosen counts (Bonferroni), and rounds may lie farther out than the normal distribution has them.

    Args:
        best: the one that is named.
        able: those that might have been named.
        of: all that there were to choose from.
    """
    ours, pairs = of[best].quoted, len(of) * (len(of) - 1)
    alpha = 2 * ALPHA / max(pairs, 1)  # half of it is for the side that counts

    def is_slower(theirs: Rounds) -> bool:
        return divided(theirs.values, _tailed(theirs), ours.values, _tailed(ours), alpha).low > 1

    alike = [name for name in able if name != best and not is_slower(of[name].quoted)]
    return sorted(alike, key=lambda name: fmean(of[name].ordinary.values))


def _tailed(rounds: Rounds) -> Spread:
    return replace(rounds.spread, shared=min(rounds.spread.shared, _TAILED))
