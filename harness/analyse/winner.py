"""The combination that a run names: which combinations get confirming rounds, and intervals that allow for the choice.

The fastest of many looks faster than it is, because the same rounds chose it. So it gets fresh rounds after the choice.
Without them, its interval must hold for all combinations that might have been chosen.
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

# The fastest and the two next to it. If the answers of one turn out to differ, another one replaces it. More would cost
# too much time.
CONTENDERS = 3
# The most degrees of freedom for calling a combination slower than the best. With thousands of pairs, such a verdict
# depends on the far tail of the distribution of rounds. This tail may be heavier than a normal one, and few rounds
# cannot show it. With 15, the error is kept if rounds follow a t distribution with 3 degrees (`make simulate`).
_TAILED = 15.0


def contenders(
    exact: Mapping[str, bool], rounds: Mapping[str, Sequence[float]], records: Sequence[Record]
) -> list[str]:
    """The combinations that get confirming rounds, the fastest first; empty if there is nothing to confirm.

    Args:
        exact: whether a combination promises the baseline's answers.
        rounds: the log ratios of each combination to stock, one for each ordinary round.
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
    """Whether the combination cannot be named because of this record: it failed, or an answer differs."""
    if not isinstance(record, Measured):
        return True
    return not isinstance(record.samples, ColdStart) and bool(record.samples.parity.broken)


def tried(
    ordinary: Mapping[str, Sequence[float]],
    spread: Spreads,
    confirming: Mapping[str, Sequence[float]],
) -> dict[str, Tried]:
    """The ordinary and the confirming rounds of each combination.

    The spread of confirming rounds is estimated together with the ordinary ones, but as if they were other
    combinations: the two kinds do not have the same mean, because the ordinary rounds chose the combination.

    Args:
        ordinary: the log ratios of each combination to stock, one for each round.
        spread: of these.
        confirming: the same for the few combinations with confirming rounds.
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
    """The ratio of each combination to stock, as it may be quoted if the combination is the winner.

    If a combination has confirming rounds, its ratio uses only these. They did not take part in the choice, so the
    interval is an ordinary one. The verdicts of all combinations with such rounds are judged together. Any other
    combination has an interval that holds for all of them at once (Bonferroni), and so for the chosen one.

    Args:
        of: the combinations to choose from.
        alpha: the probability that an interval of ordinary rounds misses; below 5 % if rounds could end early.
    """
    fresh = {name: _estimate(one.confirming, ALPHA) for name, one in of.items() if one.confirming}
    together = {name: _estimate(one.ordinary, alpha / len(of)) for name, one in of.items()}
    return together | judged_together(fresh)


def _estimate(rounds: Rounds, alpha: float) -> Estimate:
    return estimate(rounds.values, rounds.spread, alpha)


def choice(rows: Sequence[Row]) -> dict[str, Tried]:
    """The combinations that a run chooses from."""
    return {row.combination: row.latency.tried for row in rows if row.latency and can_be_switched_on(row.combination)}


def indistinguishable(best: str, able: Collection[str], of: Mapping[str, Tried]) -> list[str]:
    """The combinations that are not shown to be slower than the best, the fastest first.

    The probability that any combination is left out wrongly is at most 5 %. All pairs that might have been chosen are
    counted (Bonferroni), and rounds may have heavier tails than a normal distribution.

    Args:
        best: the named combination.
        able: the combinations that might have been named.
        of: all combinations to choose from.
    """
    ours, pairs = of[best].quoted, len(of) * (len(of) - 1)
    alpha = 2 * ALPHA / max(pairs, 1)  # one half is for the side that counts

    def is_slower(theirs: Rounds) -> bool:
        return divided(theirs.values, _tailed(theirs), ours.values, _tailed(ours), alpha).low > 1

    alike = [name for name in able if name != best and not is_slower(of[name].quoted)]
    return sorted(alike, key=lambda name: fmean(of[name].ordinary.values))


def _tailed(rounds: Rounds) -> Spread:
    return replace(rounds.spread, shared=min(rounds.spread.shared, _TAILED))
