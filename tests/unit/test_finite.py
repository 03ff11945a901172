from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from harness import Extractor
from harness.baseline.model import Ops
from harness.embedded.checkpoints import find_checkpoint
from harness.errors import NonFiniteError
from harness.plan.registry import find_optimizations

TEXT, SCHEMA = "这款手机售价2999元，屏幕非常清晰。", {"价格": None}


@pytest.fixture(scope="module")
def mini() -> Extractor:
    return Extractor.load(find_checkpoint("mini"))


def spoilt(extractor: Extractor, part: Callable[[Any], Any], value: float) -> Extractor:
    model = copy.deepcopy(extractor.model)
    with torch.no_grad():
        part(model).fill_(value)
    return extractor.with_model(model)


@pytest.mark.parametrize(
    ("part", "value", "where"),
    [
        (lambda model: model.plm.embeddings.LayerNorm.bias, float("nan"), "the embeddings"),
        (lambda model: model.plm.encoder.layer[1].output.LayerNorm.bias, float("inf"), "layer 1 of the towers"),
        (lambda model: model.crossattention.layer[0].output.dense.weight, float("nan"), "cross layer 0"),
        (lambda model: model.tail_clsf.bias, float("inf"), "the tail classifier"),
    ],
    ids=["embeddings", "tower", "cross", "classifier"],
)
def test_the_layer_where_numbers_stop_being_finite_is_named(
    mini: Extractor, part: Callable[[Any], Any], value: float, where: str
) -> None:
    message = rf"the logits of '价格: ' on the text '{TEXT[:30]}' are not finite; they stop being numbers in {where}"
    with pytest.raises(NonFiniteError, match=message):
        spoilt(mini, part, value).extract_observed(TEXT, SCHEMA)


def nan_attention(query: torch.Tensor, *_: object) -> torch.Tensor:
    return torch.full_like(query, torch.nan)


@pytest.mark.parametrize("company", [[], ["batching", "dynamic_truncation", "text_reuse", "prompt_memo"]], ids="+".join)
def test_a_kernel_that_gives_no_numbers_is_an_error_and_never_an_answer(mini: Extractor, company: list[str]) -> None:
    registry = find_optimizations()
    extractor = mini.with_ops(Ops(attention=nan_attention))
    for name in company:
        extractor = registry[name].apply(extractor)
    with pytest.raises(NonFiniteError, match=f"on the text '{TEXT}' .* in layer 0 of the towers"):
        extractor.extract(TEXT, SCHEMA)
    with pytest.raises(NonFiniteError, match="layer 0 of the towers"):
        extractor.extract_batch([TEXT, "短"], [SCHEMA, {"产品": {"价格": None}}])


@pytest.mark.filterwarnings("ignore:.torch.jit")
def test_the_layer_is_named_where_a_script_runs_past_it(mini: Extractor) -> None:
    broken = spoilt(mini, lambda model: model.plm.encoder.layer[1].output.LayerNorm.bias, float("nan"))
    scripted = find_optimizations()["torchscript"].apply(broken)
    with pytest.raises(NonFiniteError, match="they stop being numbers in layer 1 of the towers"):
        scripted.extract_observed(TEXT, SCHEMA)


def test_an_optimization_that_makes_them_so_is_told_from_the_layers(mini: Extractor) -> None:
    cross = mini.forwards.cross
    broken = replace(mini, forwards=replace(mini.forwards, cross=lambda *inputs: cross(*inputs) * float("nan")))
    with pytest.raises(NonFiniteError, match="in what an optimization put in their place"):
        broken.extract_observed(TEXT, SCHEMA)


def test_a_sound_model_is_observed_as_it_answers(mini: Extractor) -> None:
    observed = mini.extract_observed(TEXT, SCHEMA)
    assert observed.chains == mini.extract(TEXT, SCHEMA)
    assert (observed.logits["价格: "] == mini.logits(TEXT, ["价格: "])[0]).all()
