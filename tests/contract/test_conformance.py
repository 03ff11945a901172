"""Our optimizations pass the conformance kit, and the kit catches what it is there to catch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from harness.plan.registry import find_optimizations
from harness.plugin import Evidence, Optimization, Probe, Stage, optimization
from harness.testing import CHECKS, Check, Subject, check_optimization

pytestmark = pytest.mark.usefixtures("light_start")  # of the start itself: test_optimizations.py

REGISTRY = find_optimizations()
# Left out: cpu_fallback cannot run on a CPU, and one of the guide's raises on purpose. The guide's promise nothing
# about answers, so that what most checks look at is not theirs: see test_as_published.py.
OURS = [name for name in REGISTRY if name != "cpu_fallback" and not name.endswith("_as_published")]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", OURS)
def test_ours_conform(name: str, check: Check) -> None:
    if reason := REGISTRY[name].missing or REGISTRY[name].unavailable(torch.device("cpu")):
        pytest.skip(reason)
    check(Subject.of(REGISTRY[name]))


@pytest.mark.parametrize("name", sorted(set(REGISTRY) - set(OURS)))
def test_those_that_the_kit_leaves_out_are_documented_and_promise_no_answers(name: str) -> None:
    subject = Subject.of(REGISTRY[name])
    CHECKS[0](subject)
    assert not subject.optimization.exact


def always(probe: Probe) -> Evidence:
    return Evidence(optimization="undocumented", active=True, summary="always")


@optimization(Stage.INPUT, exact=True, evidence=always)
def cuts(extractor: Any) -> Any:
    """Cut every text at 40 tokens."""
    from harness.baseline.tokenize import TokenizedText

    class Cutting:
        def text(self, text: str) -> TokenizedText:
            tokens = extractor.tokenizer.text(text)
            return TokenizedText(tokens.ids[:40], tokens.offsets[:40])

        def prompt(self, prompt: str) -> tuple[int, ...]:
            return tuple(extractor.tokenizer.prompt(prompt))

    return replace(extractor, tokenizer=Cutting())


@optimization(Stage.INPUT, exact=True, evidence=always)
def undocumented(extractor: Any) -> Any:
    return extractor


@pytest.mark.parametrize(("wrong", "said"), [(cuts, "changes the answer to"), (undocumented, "no docstring")])
def test_a_plugin_that_does_not_conform_is_caught(wrong: Optimization[Any], said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        check_optimization(wrong)


def test_evidence_that_is_always_there_is_caught() -> None:
    check = next(check for check in CHECKS if check.__name__ == "shows_that_it_is_active")
    lying = replace(undocumented, source=__file__)
    with pytest.raises(AssertionError, match="not applied and its evidence says active=True"):
        check(Subject.of(lying))


def test_evidence_is_taken_with_the_parameters_that_were_given() -> None:
    check = next(check for check in CHECKS if check.__name__ == "shows_that_it_is_active")
    check(Subject.of(REGISTRY["segmented_forward"], feed_forward=256))
    whole = Subject.of(REGISTRY["segmented_forward"], tokens=10**6, feed_forward=10**6, queries=10**6)
    with pytest.raises(AssertionError, match="is applied and its evidence says active=False"):
        check(whole)


def test_what_is_no_optimization_is_refused() -> None:
    with pytest.raises(TypeError, match="is not an optimization"):
        check_optimization(print)
