"""Differences of F1: texts drawn from the published ones, answers that lose as much F1 as twice the margin allows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from harness.analyse.f1 import POINTS, f1_difference
from harness.record import BASELINE, F1_MARGIN, Measured, Score, SingleStream
from simulation.noise import runs
from simulation.study import Result, counted
from simulation.world import WORLDS, World

Counts = NDArray[np.int64]
LOSS = 2 * F1_MARGIN / POINTS
TEXTS = (24, 101, 300, 1000)
LONG = 14  # chains of gold in a text that is truncated
_BOTH_WAYS = 0.1  # of texts that gain a chain, and as many that lose one, beside the loss


@dataclass(frozen=True)
class Kind:
    """How answers lose chains: of each text those that it would lose at a rate of 1, and how they come together."""

    at_risk: Callable[[Counts, Counts], Counts]  # of right chains and of gold's
    together: bool  # a text loses all that are at risk, or each by itself
    both_ways: float = 0.0


KINDS: Mapping[str, Kind] = {
    "a chain of some texts": Kind(lambda right, _: np.minimum(right, 1), together=True),
    "and gained as often": Kind(lambda right, _: np.minimum(right, 1), together=True, both_ways=_BOTH_WAYS),
    "any chain": Kind(lambda right, _: right, together=False),
    "chains of long texts": Kind(lambda right, gold: np.where(gold >= LONG, right, 0), together=False),
    "all of some texts": Kind(lambda right, _: right, together=True),
}


@cache
def population() -> Counts:
    """Of the baseline's answers in the published run with the most of them: right, found and gold, by text."""
    scores = [
        record.samples.scores.by_text
        for _, records in runs().values()
        for record in records
        if record.cell.combination == BASELINE
        and isinstance(record, Measured)
        and isinstance(record.samples, SingleStream)
        and record.samples.scores
    ]
    return np.array([(one.right, one.found, one.gold) for one in max(scores, key=len)])


def study(world: World, rng: np.random.Generator, trials: int) -> Iterator[Result]:
    """Of each kind of loss; what slows machines changes no answer, so one world says it all."""
    if world is not WORLDS[0]:
        return
    for kind in KINDS:
        for texts in TEXTS:
            yield one_kind(kind, texts, rng, trials)


def one_kind(name: str, texts: int, rng: np.random.Generator, trials: int) -> Result:
    """How often the interval holds a loss of twice the margin, and how often that is called not worse."""
    kind, rate = KINDS[name], rate_of(KINDS[name])
    found = [f1_difference(*_answers(kind, rate, texts, rng)) for _ in range(trials)]
    return Result(
        name,
        f"F1 at a loss of twice the margin, {texts} texts",
        counted(one.low <= -LOSS <= one.high for one in found),
        counted(one.verdict == "not worse" for one in found),
    )


def rate_of(kind: Kind) -> float:
    """At which rate F1 is lower by `LOSS`, of all texts that there could be."""
    right, found, gold = population().T
    size, allowed = (found + gold).sum(), 2 * right.sum() / (found + gold).sum() - LOSS
    lost = (2 * right.sum() - allowed * size) / (2 - allowed)  # a chain that is lost is not found either
    return float(lost / kind.at_risk(right, gold).sum())


def _answers(kind: Kind, rate: float, texts: int, rng: np.random.Generator) -> tuple[list[Score], list[Score]]:
    drawn = rng.choice(population(), texts)
    right, found, gold = drawn.T
    at_risk = kind.at_risk(right, gold)
    chance = rng.random(texts)
    lost = at_risk * (chance < rate + kind.both_ways) if kind.together else rng.binomial(at_risk, rate)
    # Where nothing is at risk nothing is gained either, so that as much comes as goes.
    gained = np.minimum(at_risk, 1) * (chance > 1 - kind.both_ways)
    ours = np.stack([right - lost + gained, found - lost + gained, gold], axis=1)
    return _scores(ours), _scores(drawn)


def _scores(counts: Counts) -> list[Score]:
    return [Score(*one) for one in counts.tolist()]
