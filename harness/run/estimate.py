"""About how long rounds take, before anything was started."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from harness.data.dataset import Example
from harness.members import members
from harness.record import BASELINE, STOCK, Scenario, is_peer
from harness.run.cost import GIVING_BACK, tokens
from harness.scenarios import KINDS

# Seconds on two cores of an AMD EPYC (Zen 5): a fresh process until its first answer, and a token of a row, with its
# padding. Of long texts, whose rows are many, a token takes a quarter more.
START_S = 2.5
_LONG, _OF_LONG = 128, 1.25  # characters
MINI_TOKEN_S = 4.5e-5
TOKEN_S = 1.9e-3  # at the size of StructBERT-base
_INSPECTING = 2  # passes over the timed texts, for what requests are made of
_PROVING = 1  # passes that the evidence of an optimization takes, about: of lean_startup none, of batching two
_PROVING_LATER = 0.4  # of them, where the longest and the shortest text show it


@dataclass(frozen=True)
class Passes:
    """What answering each text once takes, in seconds."""

    timed_s: float
    compared_s: float = 0.0  # of those that are only compared

    @staticmethod
    def over(timed: Sequence[Example], compared: Sequence[Example], token_s: float, *, padded: bool) -> Passes:
        """Of an extractor that pads as the baseline does, or not at all; what is found is taken from the gold."""

        def total(examples: Sequence[Example]) -> float:
            of_each = (
                tokens(one, one.gold, padded=padded) * (_OF_LONG if len(one.text) > _LONG else 1.0) for one in examples
            )
            return token_s * sum(of_each)

        return Passes(total(timed), total(compared))


def count_of(combination: str) -> int:
    """How many optimizations a combination has."""
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
        own: of the combination.
        stock: of its partner.
        scenarios: those that it measures.
        passes: of each.
        optimizations: of the combination.
        first: whether it is the combination's first.
        starts: cold starts in turns, before the first round.
        weighs: whether memory is weighed, in the first round or in all.
    """
    both_s = own.timed_s + stock.timed_s
    stream, cold = "single_stream" in scenarios, "cold_start" in scenarios
    total = START_S + own.timed_s  # both come up and answer every text at once
    total += 2 * passes * both_s * stream  # before each that is timed goes one that is not
    total += (passes + 1) * both_s * sum(KINDS[name].rate is not None for name in scenarios)
    total += START_S * cold * (1 + first * (1 + 2 * starts))
    proving = _PROVING * optimizations * (1.0 if first else _PROVING_LATER) * own.timed_s
    if not (stream and (first or weighs)):
        return total + proving
    asked_s = proving + _INSPECTING * own.timed_s * first
    weighing_s = GIVING_BACK * own.timed_s + START_S * (not cold)
    rest_s = (1 + GIVING_BACK) / 2 * own.compared_s * first
    return total + max(asked_s, weighing_s, (asked_s + weighing_s + rest_s) / 2)
