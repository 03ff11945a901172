"""How often a run's interval, verdict or sign is right, over runs made of recorded rounds."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import TypeVar

import msgspec
import numpy as np

from harness.analyse.compare import against_stock
from harness.analyse.stats import ALPHA, NOISE, Estimate, holm
from harness.record import Header, Measured

_SEED = 0
ALARM = 0.01  # of a clean round, that its memory is taken for grown
_T = TypeVar("_T")


@dataclass(frozen=True)
class Runs:
    """What runs of `of` rounds of identical processes would report for the ratio, whose true value is 1."""

    of: int  # rounds of a run
    apart: tuple[Estimate, ...]  # runs that share no round
    drawn: tuple[Estimate, ...]  # runs drawn from all rounds, which do

    @property
    def covering_drawn(self) -> float:
        """The share of drawn runs that have 1 in their interval."""
        return fmean(map(_holds_one, self.drawn))

    @property
    def judged(self) -> int:
        """How many runs that share no round are called faster or slower."""
        return sum(one.verdict in ("faster", "slower") for one in self.apart)

    @property
    def resolves(self) -> float:
        """The least slowdown that 95 in 100 of the drawn runs would call one: it moves their intervals as a whole."""
        needed = [math.log1p(NOISE) - math.log(one.low) for one in self.drawn]
        return math.expm1(max(0.0, float(np.quantile(needed, 1 - ALPHA, method="inverted_cdf"))))


def runs(header: Header, records: Sequence[Measured], of: int, *, drawn: int) -> Runs:
    """Judge runs of recorded rounds as `run` does, each by its own rounds alone.

    Args:
        header: of the self-check's run; what it knew of the machine's spread before its first round is known here too.
        records: rounds of one combination, in the order in which they were made.
        of: rounds of a run.
        drawn: how many runs are drawn from all rounds.
    """
    chance = random.Random(_SEED)
    return Runs(
        of,
        tuple(printed(header, some) for some in apart(records, of)),
        tuple(printed(header, chance.sample(records, of)) for _ in range(drawn)),
    )


def printed(header: Header, records: Sequence[Measured]) -> Estimate:
    """What a run of these rounds of one combination says of its time."""
    (found,) = against_stock(msgspec.structs.replace(header, looks=1), records).values()
    return found


def apart(rounds: Sequence[_T], of: int) -> Iterator[Sequence[_T]]:
    """Runs of consecutive rounds that share none; what is left over is of no run."""
    return (rounds[place : place + of] for place in range(0, len(rounds) - of + 1, of))


def rejected(chances: Sequence[float]) -> list[bool]:
    """Which of several targets are missed, where the chance that any is called so wrongly is 5 % in all.

    Args:
        chances: how likely each looks as bad as it does where it is just kept.
    """
    levels = holm([(chance, ALPHA) for chance in chances])
    return [chance < level for chance, level in zip(chances, levels, strict=True)]


def grown(peak_bytes: int, clean_bytes: Sequence[int]) -> bool:
    """Whether a peak of memory lies above what one more clean round would show in 99 of 100 cases.

    Source: the one-sided prediction interval of a normal sample (Hahn and Meeker, Statistical Intervals, 1991).
    """
    from scipy.stats import t

    count = len(clean_bytes)
    reach = float(t.ppf(1 - ALARM, count - 1)) * stdev(clean_bytes) * math.sqrt(1 + 1 / count)
    return peak_bytes > fmean(clean_bytes) + reach


def _holds_one(found: Estimate) -> bool:
    return found.low <= 1 <= found.high
