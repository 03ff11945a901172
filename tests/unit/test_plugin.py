from __future__ import annotations

import inspect
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import harness
from harness import Extractor, plugin
from harness.baseline.loading import LoadPlan, plain_plan
from harness.baseline.slots import PadToFixed, PadToLongest
from harness.compose import Applied, compose
from harness.errors import InputError, UnavailableError
from harness.plan.registry import find_optimizations
from harness.plugin import Evidence, Optimization, Probe, Shape, Stage, optimization

TEXT, SCHEMA = "屏幕细腻，手感一般，快递太慢，不过客服态度很好。", {"属性词": {"情感词": None}}
LONG = "退款申请已经通过审核" * 60


def nothing(probe: Probe) -> Evidence:
    return Evidence("nothing", active=True, summary="")


@optimization(Stage.BATCH, exact=False, evidence=nothing, requires=["pytest"], conflicts=["other"])
def padded(extractor: Extractor, *, multiple: int = 4) -> Extractor:
    """Pad a little.

    Cheaper: nothing.
    """
    return replace(extractor, padding=PadToLongest(multiple))


def noting(name: str, stage: Stage, seen: list[str], why: str | None = None) -> Optimization[Any]:
    """An optimization that only notes that it was applied."""

    def apply(subject: Any) -> Any:
        seen.append(f"{name} to {type(subject).__name__}")
        return subject

    return replace(padded, name=name, stage=stage, apply=apply, unavailable=lambda _: why)


@pytest.fixture
def plan(golden: Path) -> LoadPlan:
    return plain_plan(golden, device="cpu", start="baseline")


def test_a_decorated_function_is_an_optimization_of_its_name() -> None:
    assert (padded.name, padded.stage, padded.exact) == ("padded", Stage.BATCH, False)
    assert (padded.requires, padded.conflicts, padded.source) == (("pytest",), ("other",), __file__)
    assert padded.evidence is nothing
    assert padded.unavailable(torch.device("cpu")) is None


def test_its_keyword_arguments_are_its_parameters() -> None:
    assert [(name, one.default, one.annotation) for name, one in padded.parameters.items()] == [("multiple", 4, "int")]


def test_its_docstring_is_its_documentation() -> None:
    assert padded.documentation == "Pad a little.\n\nCheaper: nothing."
    assert replace(padded, apply=lambda extractor: extractor).documentation == ""


def test_an_optimization_can_be_a_key() -> None:
    assert {padded: 1}[padded] == 1


@pytest.mark.parametrize("name", ["Extractor", "LoadPlan"])
def test_the_interface_gives_the_types_that_plugins_change(name: str) -> None:
    assert inspect.isclass(getattr(plugin, name))


@pytest.mark.parametrize("module", [plugin, harness])
def test_a_name_that_is_not_there_is_an_attribute_error(module: Any) -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        _ = module.Nothing


def test_composing_goes_in_stage_order_and_loads_in_between(plan: LoadPlan) -> None:
    seen: list[str] = []
    stages = [("f", Stage.GRAPH), ("e", Stage.BATCH), ("d", Stage.BATCH), ("b", Stage.WEIGHTS), ("a", Stage.LOAD)]
    compose(plan, [(noting(name, stage, seen), {}) for name, stage in stages])
    assert seen == ["a to LoadPlan", "b to Extractor", "d to Extractor", "e to Extractor", "f to Extractor"]


def test_composing_hands_the_parameters_on(plan: LoadPlan) -> None:
    assert compose(plan, [(padded, {"multiple": 3})]).padding == PadToLongest(3)
    assert compose(plan, [(padded, {})]).padding == PadToLongest(4)


def test_composing_nothing_is_the_starting_extractor(plan: LoadPlan) -> None:
    assert compose(plan, []).padding == PadToFixed()


def test_an_optimization_that_cannot_run_here_is_refused_before_anything_is_loaded(plan: LoadPlan) -> None:
    seen: list[str] = []
    chosen: list[Applied] = [
        (noting("fine", Stage.LOAD, seen), {}),
        (noting("needy", Stage.GRAPH, seen, "it needs a GPU"), {}),
    ]
    with pytest.raises(UnavailableError, match="needy: it needs a GPU"):
        compose(replace(plan, read_model=lambda *_: pytest.fail("it was loaded")), chosen)
    assert seen == ["fine to LoadPlan"], "which may put the model elsewhere"


def test_a_probe_notes_what_each_call_of_the_towers_was_given(baseline: Extractor) -> None:
    shapes = Probe(baseline, ["好"], [{"甲": None, "乙": None}]).shapes()
    prompt = len(baseline.tokenizer.prompt("甲: "))
    assert shapes == [Shape("encode_text", 1, 384, 3), Shape("encode_prompt", 2, 128, 2 * prompt)]


def test_a_probe_leaves_the_extractor_as_it_was(baseline: Extractor) -> None:
    before = baseline.forwards
    Probe(baseline, [TEXT], [SCHEMA]).shapes()
    assert baseline.forwards is before


def evidence(plan: LoadPlan, name: str, text: str, applied: list[str], **parameters: int) -> Evidence:
    """What an optimization of ours shows in an extractor to which some are applied."""
    registry = find_optimizations()
    extractor = compose(plan, [(registry[one], parameters) for one in applied])
    return registry[name].evidence(Probe(extractor, [text], [SCHEMA]))


@pytest.mark.parametrize("name", ["dynamic_truncation", "flash_attention"])
@pytest.mark.parametrize("text", [TEXT, LONG, ""], ids=["short", "long", "empty"])
def test_our_optimizations_show_that_they_are_active(plan: LoadPlan, name: str, text: str) -> None:
    found = evidence(plan, name, text, [name])
    assert (found.optimization, found.active) == (name, True)
    assert found.summary


@pytest.mark.parametrize("name", ["dynamic_truncation", "flash_attention"])
def test_our_optimizations_show_that_they_are_not_active(plan: LoadPlan, name: str) -> None:
    assert not evidence(plan, name, TEXT, []).active


def test_dynamic_truncation_counts_the_padding_that_is_gone(plan: LoadPlan) -> None:
    exact = evidence(plan, "dynamic_truncation", "好", ["dynamic_truncation"], multiple=1)
    assert exact.figures["padding_removed"] == 1
    assert exact.figures["tokens_executed"] < exact.figures["tokens_fully_padded"] == 384 + 128
    rounded = evidence(plan, "dynamic_truncation", "好", ["dynamic_truncation"], multiple=64)
    assert rounded.figures["tokens_executed"] == 64 + 64
    assert rounded.figures["padding_removed"] < 1


@pytest.mark.parametrize("text", ["", "好", TEXT, LONG], ids=["empty", "one", "short", "long"])
def test_no_multiple_changes_an_answer(plan: LoadPlan, baseline: Extractor, text: str) -> None:
    expected = baseline.extract(text, SCHEMA)
    for multiple in (1, 7, 8, 100, 1000):
        truncated = compose(plan, [(find_optimizations()["dynamic_truncation"], {"multiple": multiple})])
        assert truncated.extract(text, SCHEMA) == expected, multiple


@pytest.mark.parametrize("multiple", [0, -8])
def test_a_multiple_below_one_is_refused(plan: LoadPlan, multiple: int) -> None:
    with pytest.raises(InputError, match="multiple"):
        compose(plan, [(find_optimizations()["dynamic_truncation"], {"multiple": multiple})])
