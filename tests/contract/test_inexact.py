"""What the guide advises against is really done: 8-bit weights, smaller layers, the CPU in a GPU's place."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from harness import Extractor
from harness.baseline.loading import LoadPlan, plain_plan
from harness.baseline.model import Layer, ModelConfig, Ops, SiameseUIE
from harness.compose import compose, planned
from harness.errors import InputError, UnavailableError
from harness.measure.memory import weights_bytes
from harness.plan.combination import conflict
from harness.plan.registry import find_optimizations
from harness.plugin import Probe
from optimizations.pruning import _prune_heads, _prune_units

REGISTRY = find_optimizations()
TEXT, SCHEMA = "华为手机，售价999元", {"价格": None}


def composed(golden: Any, *names: str, **parameters: Any) -> Extractor:
    chosen = [(REGISTRY[name], parameters if name == names[0] else {}) for name in names]
    return compose(plain_plan(golden, device="cpu", start="baseline"), chosen)


def probe(extractor: Extractor) -> Probe:
    return Probe(extractor, [TEXT], [SCHEMA])


@pytest.mark.parametrize(
    "names",
    [
        ("int8", "torchscript"),
        ("int8", "batching"),
        ("pruning", "torchscript"),
        ("pruning", "batching"),
        ("pruning", "segmented_forward"),
    ],
    ids="+".join,
)
def test_they_are_active_beside_the_exact_ones_and_not_without(
    golden: Any, baseline: Extractor, names: tuple[str, ...]
) -> None:
    extractor = composed(golden, *names)
    assert all(REGISTRY[name].evidence(probe(extractor)).active for name in names)
    assert not REGISTRY[names[0]].evidence(probe(baseline)).active


@pytest.mark.parametrize("other", ["segmented_forward", "pruning"])
def test_what_reads_float_weights_is_refused_beside_int8(other: str) -> None:
    assert conflict([(REGISTRY["int8"], {}), (REGISTRY[other], {})]) is not None


def test_int8_weighs_less_moves_the_logits_a_little_and_leaves_the_model_it_came_from(golden: Any) -> None:
    before = composed(golden)
    weight, logits = weights_bytes(before.model), before.logits(TEXT, ["价格: "])
    after = REGISTRY["int8"].apply(before)
    assert weights_bytes(after.model) < weight
    assert 0 < abs(after.logits(TEXT, ["价格: "]) - logits).max() < 1
    assert (before.logits(TEXT, ["价格: "]) == logits).all()


def test_int8_says_why_it_cannot_run_on_a_gpu() -> None:
    assert REGISTRY["int8"].unavailable(torch.device("cuda")) is not None
    assert REGISTRY["int8"].unavailable(torch.device("cpu")) is None


@pytest.mark.parametrize("share", [0.0, 0.09, 0.31, 1.0])
def test_a_share_beyond_the_guides_is_refused(golden: Any, share: float) -> None:
    with pytest.raises(InputError, match=f"pruning: share is {share}; it must be from 0.1 to 0.3"):
        composed(golden, "pruning", share=share)


def wide_model() -> SiameseUIE:
    torch.manual_seed(0)
    return SiameseUIE(ModelConfig(50, 20, 10, 40, 1, 1)).eval().requires_grad_(requires_grad=False)


def hidden_after(layer: Layer, hidden: torch.Tensor) -> torch.Tensor:
    result: torch.Tensor = layer(hidden, None, Ops())
    return result


def test_pruning_takes_a_share_of_heads_and_units_rounded_down(golden: Any) -> None:
    model = wide_model()
    pruned = REGISTRY["pruning"].apply(composed(golden).with_model(model), share=0.25)
    for layer in (pruned.model.plm.encoder.layer[0], pruned.model.crossattention.layer[0]):
        assert (layer.attention.self.heads, layer.output.dense.in_features) == (8, 30)
        assert layer.attention.self.query.weight.shape == (16, 20)
        assert layer.attention.output.dense.weight.shape == (20, 16)
        assert layer.intermediate.dense.weight.shape == (30, 20)
    figures = REGISTRY["pruning"].evidence(Probe(pruned, [], [])).figures
    assert figures == {"heads_removed": 4, "heads": 20, "units_removed": 20, "units": 80}
    assert hidden_after(pruned.model.crossattention.layer[0], torch.randn(2, 5, 20)).shape == (2, 5, 20)
    whole: Any = model.plm.encoder.layer[0]
    assert whole.attention.self.heads == 10


def test_heads_and_units_that_do_nothing_are_the_ones_to_go() -> None:
    layer: Any = wide_model().plm.encoder.layer[0]
    for linear in (layer.attention.self.query, layer.attention.self.key, layer.attention.self.value):
        linear.weight[4:6] = 0  # head 2
        linear.bias[4:6] = 0
    layer.attention.output.dense.weight[:, 4:6] = 0
    layer.intermediate.dense.weight[7] = 0
    layer.output.dense.weight[:, 7] = 0
    hidden = torch.randn(2, 5, 20)
    expected = hidden_after(layer, hidden)
    _prune_heads(layer, 1)
    _prune_units(layer, 1)
    assert layer.attention.self.heads == 9
    torch.testing.assert_close(hidden_after(layer, hidden), expected)


def test_others_are_asked_about_the_device_that_the_fallback_leaves_them(golden: Any) -> None:
    plan = LoadPlan(**{**vars(plain_plan(golden, device="cpu", start="baseline")), "device": torch.device("cuda")})
    chosen: list[Any] = [(REGISTRY[name], {}) for name in ("int8", "cpu_fallback")]
    assert REGISTRY["int8"].unavailable(plan.device) is not None
    assert planned(plan, chosen).device == torch.device("cpu")
    with pytest.raises(UnavailableError, match="int8: "):
        planned(plan, chosen[:1])


def test_the_fallback_leaves_a_gpu_and_a_cpu_has_none_to_leave(
    golden: Any, baseline: Extractor, monkeypatch: pytest.MonkeyPatch
) -> None:
    fallback = REGISTRY["cpu_fallback"]
    plan = LoadPlan(**{**vars(plain_plan(golden, device="cpu", start="baseline")), "device": torch.device("cuda")})
    assert fallback.apply(plan).device == torch.device("cpu")
    assert fallback.unavailable(torch.device("cuda")) is None
    assert fallback.unavailable(torch.device("cpu")) == "the device is a CPU already"
    assert not fallback.evidence(probe(baseline)).active
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert fallback.evidence(probe(fallback.apply(plan).load())).active
