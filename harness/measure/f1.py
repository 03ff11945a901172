"""Precision, recall and F1 of answers against gold chains."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from harness.record import Chains

# A chain as it is counted: its types from root to leaf, and the offsets of its spans.
Key: TypeAlias = tuple[tuple[str, ...], tuple[tuple[int, int], ...]]


@dataclass(frozen=True)
class Score:
    """Counts of chains, and what follows from them; 1 where there is nothing to find and nothing was found."""

    right: int
    found: int
    gold: int

    @property
    def precision(self) -> float:
        """The share of the found chains that are right."""
        return self.right / self.found if self.found else float(not self.gold)

    @property
    def recall(self) -> float:
        """The share of the gold chains that were found."""
        return self.right / self.gold if self.gold else float(not self.found)

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        return 2 * self.right / (self.found + self.gold) if self.found + self.gold else 1.0


@dataclass(frozen=True)
class Scores:
    """The micro average over all chains, and one score a type path, written ``parent/child``."""

    micro: Score
    by_type: dict[str, Score]


def score(answers: Sequence[Chains], gold: Sequence[Chains]) -> Scores:
    """Score answers, one a text; a chain is right if its type path and all its offsets are.

    Chains of a text are a set: one that is found twice counts once.
    """
    right: Counter[str] = Counter()
    found: Counter[str] = Counter()
    wanted: Counter[str] = Counter()
    for answer, expected in zip(answers, gold, strict=True):
        ours, theirs = keys(answer), keys(expected)
        for counter, chosen in ((right, ours & theirs), (found, ours), (wanted, theirs)):
            counter.update("/".join(types) for types, _ in chosen)
    names = sorted(found | wanted)
    by_type = {name: Score(right[name], found[name], wanted[name]) for name in names}
    return Scores(_sum(by_type.values()), by_type)


def keys(chains: Chains) -> set[Key]:
    """The chains of one text as they are counted."""
    return {
        (tuple(item["type"] for item in chain), tuple((item["offset"][0], item["offset"][1]) for item in chain))
        for chain in chains
    }


def _sum(scores: Iterable[Score]) -> Score:
    every = list(scores)
    return Score(sum(one.right for one in every), sum(one.found for one in every), sum(one.gold for one in every))
