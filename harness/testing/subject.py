"""An optimization under test, and the extractors it is tested in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from harness.baseline.extractor import Extractor
from harness.baseline.loading import stock_plan
from harness.compose import Applied, compose
from harness.data.dataset import Example, pick, read_dataset
from harness.embedded.checkpoints import find_checkpoint
from harness.measure.quality import is_tie
from harness.plan.registry import find_optimizations
from harness.plugin import Optimization
from harness.record import Chains, Mark

CHECKPOINT = "mini"


@dataclass(frozen=True)
class Subject:
    """An optimization with the values of its parameters."""

    optimization: Optimization[Any]
    parameters: tuple[tuple[str, Any], ...] = ()

    @classmethod
    def of(cls, optimization: object, **parameters: object) -> Subject:
        """The subject of a test.

        Raises:
            TypeError: it is no optimization.
        """
        if not isinstance(optimization, Optimization):
            raise TypeError(f"{optimization!r} is no optimization; decorate it with harness.plugin.optimization")
        return cls(optimization, tuple(parameters.items()))

    @property
    def name(self) -> str:
        """The optimization's name."""
        return self.optimization.name

    def extractor(self, *others: Optimization[Any]) -> Extractor:
        """The baseline with the optimization, and others if asked for."""
        return composed((self.optimization, dict(self.parameters)), *((other, {}) for other in others))

    def others(self) -> list[Optimization[Any]]:
        """Every exact optimization that this one may be combined with."""
        registry = find_optimizations()
        return [
            other
            for name, other in sorted(registry.items())
            if name != self.name
            and other.exact
            and name not in self.optimization.conflicts
            and self.name not in other.conflicts
        ]

    def must_answer_alike(self, extractor: Extractor, examples: Sequence[Example], where: str = "") -> None:
        """Each text's answer is the baseline's, but for ties; an inexact optimization only has to answer.

        Raises:
            AssertionError: it is not; the message names the text and both answers.
        """
        for example in examples:
            observed = extractor.extract_observed(example.text, example.schema)
            got, marks = observed.chains, observed.marks
            if not self.optimization.keeps_answers(dict(self.parameters)):
                continue
            expected, own_marks = _baseline_answer(example)
            if got != expected and not is_tie(expected, got, own_marks, marks):
                raise AssertionError(
                    f"{self.name}{where} changes the answer to {example.id} ({example.text[:60]!r}): "
                    f"expected {expected}, got {got}"
                )


def composed(*chosen: Applied) -> Extractor:
    """The baseline with the chosen optimizations, as a run composes it."""
    return compose(stock_plan(find_checkpoint(CHECKPOINT), device="cpu", start="baseline"), chosen)


@cache
def baseline() -> Extractor:
    """What every answer is compared with."""
    return composed()


def _baseline_answer(example: Example) -> tuple[Chains, list[Mark]]:
    key = (example.text, json.dumps(example.schema))
    if key not in _ANSWERS:
        observed = baseline().extract_observed(example.text, example.schema)
        _ANSWERS[key] = observed.chains, observed.marks
    return _ANSWERS[key]


_ANSWERS: dict[tuple[str, str], tuple[Chains, list[Mark]]] = {}


@cache
def texts(count: int | None = None) -> tuple[Example, ...]:
    """The business test texts, or so many of them spread over the lengths, the longest among them."""
    return tuple(pick(list(read_dataset("business/test")), count))
