"""Precision, recall and F1 of answers against gold chains."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from harness.record import Chains, Score, Scores

# A chain as it is counted: its types from root to leaf, and the offsets of its spans.
Key: TypeAlias = tuple[tuple[str, ...], tuple[tuple[int, int], ...]]


def score(answers: Sequence[Chains], gold: Sequence[Chains | None]) -> Scores | None:
    """Score answers, one a text; a chain is right if its type path and all its offsets are.

    Chains of a text are a set: one that is found twice counts once.

    Args:
        answers: what was found in each text.
        gold: what should be; a text with None has no gold and is left out.

    Returns:
        The scores; None where no text has gold.
    """
    labelled = [(answer, expected) for answer, expected in zip(answers, gold, strict=True) if expected is not None]
    if not labelled:
        return None
    right: Counter[str] = Counter()
    found: Counter[str] = Counter()
    wanted: Counter[str] = Counter()
    by_text = []
    for answer, expected in labelled:
        ours, theirs = keys(answer), keys(expected)
        by_text.append(Score(len(ours & theirs), len(ours), len(theirs)))
        for counter, chosen in ((right, ours & theirs), (found, ours), (wanted, theirs)):
            counter.update("/".join(types) for types, _ in chosen)
    names = sorted(found | wanted)
    by_type = {name: Score(right[name], found[name], wanted[name]) for name in names}
    return Scores(len(labelled), _sum(by_type.values()), by_type, by_text)


def keys(chains: Chains) -> set[Key]:
    """The chains of one text as they are counted."""
    return {
        (tuple(item["type"] for item in chain), tuple((item["offset"][0], item["offset"][1]) for item in chain))
        for chain in chains
    }


def _sum(scores: Iterable[Score]) -> Score:
    every = list(scores)
    return Score(sum(one.right for one in every), sum(one.found for one in every), sum(one.gold for one in every))
