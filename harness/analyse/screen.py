"""The shift of each text against one limit, all texts judged together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from harness.analyse.shifts import Shift
from harness.analyse.stats import holm


@dataclass(frozen=True)
class Screen:
    """How far each text's time moved, by its id."""

    shifts: Mapping[str, Shift]
    alone: int  # number of texts that only one side has

    def p_above(self, edge: float) -> float:
        """The probability of so slow a text among equally many texts whose true shift is at the edge."""
        return min(1.0, len(self.shifts) * min(one.p_above(edge) for one in self.shifts.values()))

    def slower(self, edge: float) -> list[str]:
        """The texts beyond the edge, the slowest first. The probability of any false one is that of a single test."""
        alone = [(one.p_above(edge), one.level) for one in self.shifts.values()]
        judged = zip(self.shifts, alone, holm(alone), strict=True)
        return self.by_mean([text for text, (p, _), level in judged if p < level])

    def open(self, edge: float) -> list[str]:
        """The texts that are not shown to keep the edge, the slowest first."""
        return self.by_mean([text for text, one in self.shifts.items() if one.high > edge])

    def by_mean(self, texts: Sequence[str]) -> list[str]:
        """The texts, the slowest first."""
        return sorted(texts, key=lambda text: -self.shifts[text].mean)

    def among_all(self, text: str) -> Shift:
        """The shift of a text, with an interval that holds for all texts together."""
        found = self.shifts[text]
        return replace(found, level=found.level / len(self.shifts))

    def rounds_needed(self, edge: float, rounds: int) -> float:
        """About how many rounds would decide for every text, estimated from these rounds; may be infinite."""

        def of(text: str) -> float:
            one = self.shifts[text]
            reach = one.high - one.mean if one.mean <= edge else one.mean - self.among_all(text).low
            return rounds * (reach / (edge - one.mean)) ** 2 if one.mean != edge else math.inf

        return max((of(text) for text in self.open(edge)), default=float(rounds))
