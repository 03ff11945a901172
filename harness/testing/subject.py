"""An optimization under test, and the extractors it is tested in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, TypeAlias

import torch

from harness.baseline.extractor import Extractor
from harness.baseline.loading import plain_plan, stock_plan
from harness.compose import Applied, compose
from harness.data.dataset import Example, pick, read_dataset
from harness.embedded.checkpoints import find_checkpoint
from harness.measure.quality import is_tie
from harness.plan.registry import find_optimizations
from harness.plugin import Optimization
from harness.record import Chains, Mark

CHECKPOINT = "mini"
_Combination: TypeAlias = frozenset[tuple[Optimization[Any], tuple[tuple[str, Any], ...]]]


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
            raise TypeError(f"{optimization!r} is not an optimization; decorate it with harness.plugin.optimization")
        return cls(optimization, tuple(parameters.items()))

    @property
    def name(self) -> str:
        """The optimization's name."""
        return self.optimization.name

    def extractor(self) -> Extractor:
        """An extractor with the optimization that pads no more than it need, since padding takes most of the time."""
        return _extractor(frozenset({(self.optimization, self.parameters)}), "plain")

    def others(self) -> list[Optimization[Any]]:
        """Every exact optimization that this one may be combined with, and that can run here."""
        return [
            other
            for name, other in sorted(find_optimizations().items())
            if name != self.name and other.exact and runs_here(other) and not _clash(self.optimization, other)
        ]

    def company(self) -> list[Optimization[Any]]:
        """The most of them that go together: those first that rule out the fewest."""
        others, found = self.others(), list[Optimization[Any]]()
        for other in sorted(others, key=lambda one: sum(_clash(one, another) for another in others)):
            if not any(_clash(other, one) for one in found):
                found.append(other)
        return found

    def must_answer_alike(
        self,
        examples: Sequence[Example],
        others: Sequence[Optimization[Any]] = (),
        where: str = "",
        start: str = "baseline",
    ) -> None:
        """Each text's answer is the baseline's, but for ties; an inexact optimization only has to answer.

        What a combination answered to a text is not asked again in this process: pairs come up from both sides.

        Args:
            examples: what is asked.
            others: optimizations that it is combined with.
            where: words for the message.
            start: the extractor that it is composed over, of `harness.baseline.loading.STARTS`.

        Raises:
            AssertionError: it is not; the message names the text and both answers.
        """
        combination = frozenset({(self.optimization, self.parameters), *((other, ()) for other in others)})
        for example in examples:
            got, marks = _answer(combination, example, start)
            if not self.optimization.promises(dict(self.parameters)):
                continue
            expected, own_marks = _answer(frozenset(), example, start)
            if got != expected and not is_tie(expected, got, own_marks, marks):
                raise AssertionError(
                    f"{self.name}{where} changes the answer to {example.id} ({example.text[:60]!r}): "
                    f"expected {expected}, got {got}"
                )


def runs_here(optimization: Optimization[Any]) -> bool:
    """Whether what it needs is installed, and a CPU is a device for it."""
    return optimization.missing is None and optimization.unavailable(torch.device("cpu")) is None


def _clash(one: Optimization[Any], other: Optimization[Any]) -> bool:
    return other.name in one.conflicts or one.name in other.conflicts


def composed(*chosen: Applied, start: str = "baseline", lean: bool = False) -> Extractor:
    """The baseline, or another start, with the chosen optimizations, as a run composes it.

    Lean: it comes up without transformers, which takes seconds to import.
    """
    plan = plain_plan if lean else stock_plan
    return compose(plan(find_checkpoint(CHECKPOINT), device="cpu", start=start), chosen)


def baseline() -> Extractor:
    """What every answer is compared with."""
    return _extractor(frozenset())


def _answer(combination: _Combination, example: Example, start: str) -> tuple[Chains, list[Mark]]:
    key = (combination, start, example.text, json.dumps(example.schema))
    if key not in _ANSWERS:
        observed = _extractor(combination, start).extract_observed(example.text, example.schema)
        _ANSWERS[key] = observed.chains, observed.marks
    return _ANSWERS[key]


@lru_cache(maxsize=2)  # the baseline, and the one that is asked
def _extractor(combination: _Combination, start: str = "baseline") -> Extractor:
    return composed(*((optimization, dict(parameters)) for optimization, parameters in combination), start=start)


_ANSWERS: dict[tuple[_Combination, str, str, str], tuple[Chains, list[Mark]]] = {}


@cache
def texts(count: int | None = None) -> tuple[Example, ...]:
    """The business test texts, or some of them spread over the lengths, including the longest."""
    return tuple(pick(list(read_dataset("business/test")), count))


def two_texts() -> tuple[Example, Example]:
    """The shortest of them, and one that nearly fills a window: the longest takes several, and most of the time."""
    by_length = sorted(texts(6), key=lambda one: len(one.text))
    return by_length[0], by_length[-2]
