"""The cost of answering a text, in tokens, from its schema and from what is found in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.baseline.windows import PROMPT_TOKENS, STRIDE, TEXT_TOKENS
from harness.data.dataset import Example
from harness.record import Chains

_SPECIAL = 2  # tokens around a text
_PROMPT = 15  # tokens of a prompt, about
GIVING_BACK = 1.25  # the slowdown of a process that returns freed memory to the system: 0.9 to 1.6


def rows(example: Example, chains: Chains | None) -> int:
    """The number of rows that go through the model: each prompt with each window of the text.

    Args:
        example: the text and its schema.
        chains: what is found in it, which decides how often lower levels are asked for; None if not known.
    """
    asked: dict[tuple[Any, ...], Mapping[str, Any]] = {(): example.schema}
    for chain in chains or ():
        node: Mapping[str, Any] | None = example.schema
        path: tuple[tuple[Any, ...], ...] = ()
        for item in chain:
            node = (node or {}).get(item["type"])
            path = (*path, (item["type"], *item["offset"]))
            if node:
                asked[path] = node
    return sum(map(len, asked.values())) * _windows(example)


def tokens(example: Example, chains: Chains | None, *, padded: bool) -> int:
    """The number of tokens of these rows, padded as by the baseline or not at all."""
    count = rows(example, chains)
    if padded:
        return count * (TEXT_TOKENS + PROMPT_TOKENS)
    return count * _PROMPT + count // _windows(example) * (len(example.text) + _SPECIAL)


def shared(costs: Sequence[float], ahead: float, slower: float = 1.0) -> tuple[list[int], list[int]]:
    """Divide pieces of work between two workers, so that both end at about the same time.

    Args:
        costs: the cost of each piece.
        ahead: the cost of what the first has to do before.
        slower: the second's cost of a piece, as a multiple of the first's.
    """
    shares: tuple[list[int], list[int]] = ([], [])
    until = [ahead, 0.0]
    for place in sorted(range(len(costs)), key=lambda place: -costs[place]):
        which = int(until[1] + slower * costs[place] < until[0] + costs[place])
        shares[which].append(place)
        until[which] += costs[place] * (slower if which else 1.0)
    return sorted(shares[0]), sorted(shares[1])


def _windows(example: Example) -> int:
    extra = max(0, len(example.text) + _SPECIAL - TEXT_TOKENS)  # about one token per Chinese character
    return -(-extra // STRIDE) + 1
