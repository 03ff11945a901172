"""The effect of each optimization, alone and beside each other one, and its share of the total effect.

Values are logarithms (of ratios, of bytes), so effects are factors. Every figure is a weighted sum of the cells' means,
so its interval follows from the spread between rounds. Source of main effects and interactions: Box, Hunter and Hunter,
Statistics for Experimenters (2nd edition, 2005), chapters 5 and 6; of the shares: Shapley, A Value for n-Person Games
(1953).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations
from math import comb
from statistics import fmean
from string import ascii_lowercase
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from harness.analyse.stats import Estimate, Spread, summed
from harness.errors import InputError

_ZERO = 1e-9
Cells: TypeAlias = Mapping[
    frozenset[str], Sequence[float]
]  # each combination's values, one for each round; {} is the baseline


@dataclass(frozen=True)
class Effects:
    """All effects of one quantity, as factors: 0.5 halves it."""

    names: tuple[str, ...]
    model: str  # the statistical model, in words
    main: dict[str, Estimate]  # averaged over all combinations of the others
    given: dict[tuple[str, str], Estimate]  # (A, B): A's effect if B is on; empty if pairs cannot be estimated
    without: dict[tuple[str, str], Estimate]  # (A, B): A's effect if B is off; likewise
    together: dict[tuple[str, str], Estimate]  # the pair's effect divided by the product of the single effects
    shapley: dict[str, Estimate]  # their product is ``total``; empty if pairs cannot be estimated
    total: Estimate | None  # of all together against the baseline; likewise


def effects(cells: Cells, spreads: Mapping[frozenset[str], Spread]) -> Effects:
    """Estimate effects from a set of combinations.

    With all 2**k combinations no model is needed. With fewer, the missing ones are predicted: from main effects and
    pair interactions, if the combinations suffice for these. Otherwise only main effects are estimated, if the
    combinations are such that pair interactions cancel out of them (a fraction of resolution IV).

    Args:
        cells: values of every combination that was measured.
        spreads: how much each one's values vary between rounds.

    Raises:
        InputError: the combinations do not even suffice for the main effects.
    """
    names = tuple(sorted(set().union(*cells)))
    table = _Table(cells, names, spreads)
    return Effects(
        names=names,
        model=table.model,
        main={name: table.step(name) for name in names},
        given={(a, b): table.step(a, on=b) for a, b in permutations(names, 2) if table.pairs},
        without={(a, b): table.step(a, off=b) for a, b in permutations(names, 2) if table.pairs},
        together={pair: table.interaction(*pair) for pair in combinations(names, 2) if table.pairs},
        shapley={name: table.shapley(name) for name in names} if table.pairs else {},
        total=table.total() if table.pairs else None,
    )


def tells_pairs(cells: Sequence[frozenset[str]]) -> bool:
    """Whether these combinations suffice to estimate effects of pairs, and not only average effects.

    Raises:
        InputError: they do not even suffice for average effects.
    """
    names = sorted(set().union(*cells))
    every = [frozenset(chosen) for size in range(len(names) + 1) for chosen in combinations(names, size)]
    return _fill(cells, every, names)[1]


class _Table:
    """The means of all 2**k combinations, measured or predicted, and sums over them."""

    def __init__(self, cells: Cells, names: Sequence[str], spreads: Mapping[frozenset[str], Spread]) -> None:
        self.every = [frozenset(chosen) for size in range(len(names) + 1) for chosen in combinations(names, size)]
        self.means = np.array([fmean(values) for values in cells.values()])
        self.spreads = [spreads[cell] for cell in cells]
        self.errors = [spreads[cell].sd / math.sqrt(len(values)) for cell, values in cells.items()]
        self.names = names
        self.model, self.pairs, self.filled = _fill(list(cells), self.every, names)

    def step(self, name: str, on: str | None = None, off: str | None = None) -> Estimate:
        """The average effect of `name` over combinations of the others, optionally with one of them fixed on or off."""
        without = [s for s in self.every if name not in s and (on is None or on in s) and (off is None or off not in s)]
        return self._sum({s: 1 / len(without) for s in without}, name)

    def interaction(self, one: str, other: str) -> Estimate:
        """How much larger the effect of one is if the other is on than if it is off, averaged over the rest."""
        weights = np.zeros(len(self.every))
        share = 4 / len(self.every)
        for place, cell in enumerate(self.every):
            weights[place] = share if (one in cell) == (other in cell) else -share
        return self._estimate(weights)

    def shapley(self, name: str) -> Estimate:
        """The Shapley share: its average effect over all orders of switching the optimizations on."""
        k = len(self.names)
        return self._sum({s: 1 / (k * comb(k - 1, len(s))) for s in self.every if name not in s}, name)

    def total(self) -> Estimate:
        """All together against none."""
        weights = np.zeros(len(self.every))
        weights[0], weights[-1] = -1, 1
        return self._estimate(weights)

    def _sum(self, weights: Mapping[frozenset[str], float], name: str) -> Estimate:
        vector = np.zeros(len(self.every))
        for below, weight in weights.items():
            vector[self.every.index(below)] -= weight
            vector[self.every.index(below | {name})] += weight
        return self._estimate(vector)

    def _estimate(self, weights: NDArray[np.float64]) -> Estimate:
        of_cells = weights @ self.filled
        parts = zip(np.abs(of_cells) * self.errors, self.spreads, strict=True)
        total = summed((float(error), spread) for error, spread in parts if error)
        return total.estimate(float(of_cells @ self.means), total.sd)


def _fill(
    have: Sequence[frozenset[str]], every: Sequence[frozenset[str]], names: Sequence[str]
) -> tuple[str, bool, NDArray[np.float64]]:
    """How to compute the means of all combinations from those measured: in words, whether pairs are known, a matrix."""
    if set(have) == set(every):
        return "all combinations", True, np.array([[float(one == other) for other in have] for one in every])
    singles = [frozenset(chosen) for n in (0, 1) for chosen in combinations(names, n)]
    pairs = [frozenset(chosen) for chosen in combinations(names, 2)]
    of = f"fitted to {len(have)} of {len(every)} combinations"
    both = _coded(have, singles + pairs)
    if np.linalg.matrix_rank(both) == both.shape[1]:
        return (
            f"a model of main effects and pair interactions, {of}",
            True,
            _coded(every, singles + pairs) @ np.linalg.pinv(both),
        )
    design = _coded(have, singles)
    of_pairs = _coded(have, pairs)
    mixed = np.linalg.pinv(design) @ of_pairs  # what a pair interaction adds to each main effect (the alias matrix)
    if np.linalg.matrix_rank(design) < len(singles) or np.abs(mixed[1:]).max() > _ZERO:
        raise InputError(
            f"{len(have)} of {len(every)} combinations of {', '.join(names)} do not suffice to separate the effects of "
            f'single optimizations from the effects of pairs; measure all (design = "full"){_fraction(len(names))}'
        )
    return (
        f"a model of main effects only, {of}; pairs that cannot be distinguished: {_aliases(pairs, of_pairs)}",
        False,
        (_coded(every, singles) @ np.linalg.pinv(design)),
    )


def _fraction(count: int) -> str:
    """Suggest a half fraction for `count` optimizations; below four, no fraction separates main effects from pairs."""
    letters = ascii_lowercase[: count - 1]
    return f' or a fraction (fraction = "{" ".join(letters)} {letters}")' if count > len("abc") else ""


def _aliases(pairs: Sequence[frozenset[str]], columns: NDArray[np.float64]) -> str:
    """The groups of pairs whose interactions look the same in these combinations."""
    groups: dict[bytes, list[str]] = {}
    for pair, column in zip(pairs, columns.T, strict=True):
        groups.setdefault((column * column[0]).tobytes(), []).append(" x ".join(sorted(pair)))
    return "; ".join(" = ".join(group) for group in groups.values() if len(group) > 1)


def _coded(cells: Sequence[frozenset[str]], terms: Sequence[frozenset[str]]) -> NDArray[np.float64]:
    """One row for each cell, one column for each term: the product of its factors, 1 if on and -1 if off."""
    return np.array([[(-1.0) ** len(term - cell) for term in terms] for cell in cells])
