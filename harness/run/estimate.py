"""Estimates how long rounds take, before anything is started."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from harness.data.dataset import Example
from harness.members import members
from harness.record import BASELINE, STOCK, Scenario, is_peer
from harness.run.cost import GIVING_BACK, tokens
from harness.scenarios import KINDS

# Seconds on two cores of an AMD EPYC (Zen 5): a fresh process until its first answer, and one token of a row,
# padding included. In long texts, which have many rows, a token takes a quarter more.
START_S = 2.5
_LONG, _OF_LONG = 128, 1.25  # characters
MINI_TOKEN_S = 4.5e-5
TOKEN_S = 1.9e-3  # at the size of StructBERT-base
_INSPECTING = 2  # passes over the timed texts, for the profile and the work of requests
_PROVING = 1  # approximate passes for the evidence of an optimization: lean_startup none, batching two
_PROVING_LATER = 0.4  # of these passes, if the longest and the shortest text are enough


@dataclass(frozen=True)
class Passes:
    """The time to answer each text once, in seconds."""

    timed_s: float
    compared_s: float = 0.0  # for texts that are only compared

    @staticmethod
    def over(timed: Sequence[Example], compared: Sequence[Example], token_s: float, *, padded: bool) -> Passes:
        """For an extractor that pads as the baseline does, or not at all; the gold stands for what is found."""

        def total(examples: Sequence[Example]) -> float:
            of_each = (
                tokens(one, one.gold, padded=padded) * (_OF_LONG if len(one.text) > _LONG else 1.0) for one in examples
            )
            return token_s * sum(of_each)

        return Passes(total(timed), total(compared))


def count_of(combination: str) -> int:
    """The number of optimizations of a combination."""
    return 0 if combination in (BASELINE, STOCK) or is_peer(combination) else len(members(combination))


def round_s(
    own: Passes,
    stock: Passes,
    scenarios: Collection[Scenario],
    passes: int,
    *,
    optimizations: int,
    first: bool = False,
    starts: int = 0,
    weighs: bool = False,
) -> float:
    """About how long a round takes.

    Args:
        own: passes of the combination.
        stock: passes of its partner.
        scenarios: those that are measured.
        passes: the number of passes of each process.
        optimizations: the number of the combination's optimizations.
        first: whether it is the combination's first round.
        starts: alternating cold starts before the first round.
        weighs: whether memory is measured in this round; in the first round it always is.
    """
    both_s = own.timed_s + stock.timed_s
    stream, cold = "single_stream" in scenarios, "cold_start" in scenarios
    total = START_S + own.timed_s  # both start and answer every text at the same time
    total += 2 * passes * both_s * stream  # an untimed one before each timed one
    total += (passes + 1) * both_s * sum(KINDS[name].rate is not None for name in scenarios)
    total += START_S * cold * (1 + first * (1 + 2 * starts))
    proving = _PROVING * optimizations * (1.0 if first else _PROVING_LATER) * own.timed_s
    if not (stream and (first or weighs)):
        return total + proving
    asked_s = proving + _INSPECTING * own.timed_s * first
    weighing_s = GIVING_BACK * own.timed_s + START_S * (not cold)
    rest_s = (1 + GIVING_BACK) / 2 * own.compared_s * first
    return total + max(asked_s, weighing_s, (asked_s + weighing_s + rest_s) / 2)
