"""What makes the layers themselves cheaper: packed products, work left out, half precision, a screen before fp32."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from harness import Extractor, hardware
from harness.baseline.agreement import inputs
from harness.baseline.loading import plain_plan
from harness.baseline.model import ModelConfig, Ops, SiameseUIE
from harness.compose import compose
from harness.errors import InputError, UnavailableError
from harness.measure.memory import weights_bytes
from harness.plan.combination import conflict
from harness.plan.registry import find_optimizations
from harness.plugin import Probe
from harness.processor import Processor
from harness.testing.subject import runs_here
from optimizations.flash_attention import fused

REGISTRY = find_optimizations()
TEXT, PROMPTS, SCHEMA = "华为手机，售价999元，屏幕很亮", ["价格: ", "产品型号: "], {"价格": None, "属性词": None}
NATIVE = pytest.mark.skipif(
    not hardware.processor().multiplies_bfloat16, reason="this processor has no instructions for bfloat16"
)
CPU = torch.device("cpu")


def composed(golden: Any, *names: str, **parameters: Any) -> Extractor:
    chosen = [(REGISTRY[name], parameters if name == names[0] else {}) for name in names]
    return compose(plain_plan(golden, device="cpu", start="plain"), chosen)


def probe(extractor: Extractor) -> Probe:
    return Probe(extractor, [TEXT], [SCHEMA])


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("attention", [Ops().attention, fused], ids=["eager", "fused"])
def test_what_is_left_out_of_the_cross_layers_changes_no_logit(layers: int, attention: Any) -> None:
    torch.manual_seed(0)
    whole = SiameseUIE(ModelConfig(50, 16, 2, 32, 1, layers)).eval().with_ops(Ops(attention))
    less = whole.with_ops(replace(whole.ops, projects_ahead=True, last_for_text=True))
    expected, found = (one.cross(*inputs(one, CPU, 3, 20, 7)["cross"]) for one in (whole, less))
    torch.testing.assert_close(found[1:], expected[1:])
    torch.testing.assert_close(found[0, :, :-2], expected[0, :, :-2])  # the last two are padding


def test_dead_work_that_is_done_after_all_is_not_active(golden: Any) -> None:
    extractor = composed(golden, "dead_work")
    evidence = REGISTRY["dead_work"].evidence
    assert evidence(probe(extractor)).active
    ops = extractor.model.ops
    for lost in ("projects_ahead", "last_for_text", "masks_padding_alone"):
        off: dict[str, Any] = {lost: False}
        assert not evidence(probe(extractor.with_ops(replace(ops, **off)))).active, lost
    for company in (("torchscript",), ("torchscript", "packed_linear")):
        assert evidence(probe(composed(golden, "dead_work", *company))).active


@pytest.mark.parametrize("company", [(), ("segmented_forward",), ("torchscript", "dead_work")], ids="+".join)
def test_packed_products_are_active_and_near(golden: Any, company: tuple[str, ...]) -> None:
    plain, packed = composed(golden), composed(golden, "packed_linear", *company)
    np.testing.assert_allclose(packed.logits(TEXT, PROMPTS), plain.logits(TEXT, PROMPTS), atol=1e-4)
    found = REGISTRY["packed_linear"].evidence(probe(packed))
    assert found.active, found.summary
    assert not REGISTRY["packed_linear"].evidence(probe(plain)).active


def test_packed_weights_are_held_once(golden: Any) -> None:
    packed = composed(golden, "packed_linear")
    assert weights_bytes(packed.model) == pytest.approx(weights_bytes(composed(golden).model), rel=0.01)


@pytest.mark.parametrize("other", ["int8", "pruning", "onnxruntime", "openvino", "screened"])
def test_what_reads_plain_weights_is_refused_beside_packed_ones(other: str) -> None:
    assert conflict([(REGISTRY["packed_linear"], {}), (REGISTRY[other], {})]) is not None


def test_packing_says_where_it_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    why_not = REGISTRY["packed_linear"].unavailable
    assert "this is cuda" in str(why_not(torch.device("cuda")))
    monkeypatch.setattr(torch.ops, "mkldnn", SimpleNamespace(_linear_pointwise=None))
    assert "has no operators" in str(why_not(CPU))

    def takes_a_scale(*_: Any) -> None:
        raise TypeError("missing the argument 'scale'")

    for product, said in ((takes_a_scale, "missing the argument"), (lambda *_: torch.zeros(2, 2), "another result")):
        operators = SimpleNamespace(_linear_pointwise=product, _reorder_linear_weight=lambda weight, _: weight)
        monkeypatch.setattr(torch.ops, "mkldnn", operators)
        assert said in str(why_not(CPU))


@NATIVE
@pytest.mark.parametrize(
    "company", [(), ("packed_linear", "lean_startup"), ("torchscript", "flash_attention")], ids="+".join
)
def test_half_precision_is_near_half_as_big_and_active(golden: Any, company: tuple[str, ...]) -> None:
    full, half = composed(golden), composed(golden, "half_precision", *company)
    apart = abs(half.logits(TEXT, PROMPTS) - full.logits(TEXT, PROMPTS)).max()
    assert 1e-4 < apart < 0.5
    assert weights_bytes(half.model) == pytest.approx(weights_bytes(full.model) / 2, rel=0.01)
    assert half.model.head_clsf.bias.dtype == torch.float32
    found = REGISTRY["half_precision"].evidence(probe(half))
    assert found.active, found.summary
    assert not REGISTRY["half_precision"].evidence(probe(full)).active


@pytest.mark.parametrize(
    ("dtype", "sets", "said"),
    [
        ("bfloat16", ("avx2",), "this processor has no instructions for bfloat16"),
        ("float16", ("avx512_bf16",), "on a CPU dtype must be bfloat16"),
    ],
)
def test_half_precision_is_refused_where_the_processor_lacks_it(
    golden: Any, monkeypatch: pytest.MonkeyPatch, dtype: str, sets: tuple[str, ...], said: str
) -> None:
    monkeypatch.setattr(hardware, "processor", lambda: Processor("made up", instruction_sets=sets))
    half, screened = REGISTRY["half_precision"], REGISTRY["screened"]
    assert (half.unavailable(CPU) is None) == ("avx512_bf16" in sets) == (screened.unavailable(CPU) is None)
    with pytest.raises(UnavailableError, match=said):
        half.apply(plain_plan(golden, device="cpu", start="plain"), dtype=dtype)
    with pytest.raises(UnavailableError, match=said):
        screened.apply(composed(golden), dtype=dtype)


def test_old_gpus_take_float16_alone(golden: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (7, 5))
    plan = replace(plain_plan(golden, device="cpu", start="plain"), device=torch.device("cuda"))
    REGISTRY["half_precision"].apply(plan, dtype="float16")
    with pytest.raises(UnavailableError, match=r"from compute capability 8.0 on, .* 7.5; use dtype float16"):
        REGISTRY["half_precision"].apply(plan)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        pytest.param("half_precision", {"dtype": "int8"}, marks=NATIVE),
        pytest.param("screened", {"dtype": "float32"}, marks=NATIVE),
        pytest.param("screened", {"band": 0}, marks=NATIVE),
        ("onnxruntime", {"precision": "bfloat16"}),
        ("openvino", {"precision": "int8"}),
    ],
)
def test_a_parameter_out_of_range_is_refused_and_named(golden: Any, name: str, parameters: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=f"{name}: {next(iter(parameters))} is"):
        composed(golden, name, **parameters)


@NATIVE
def test_a_screen_gives_exact_logits_within_its_band_and_rounded_ones_elsewhere(golden: Any) -> None:
    plain = composed(golden)
    exact, rounded = plain.logits(TEXT, PROMPTS), composed(golden, "half_precision").logits(TEXT, PROMPTS)
    # With reuse both scorers keep encoded texts: each its own.
    everything, nothing = (composed(golden, "screened", "text_reuse", band=band) for band in (1e9, 1e-9))
    assert (everything.logits(TEXT, PROMPTS) == exact).all()
    assert (nothing.logits(TEXT, PROMPTS) == rounded).all()
    nearest = np.sort(abs(rounded - 0.5).min(axis=(1, 2)))
    between = composed(golden, "screened", "text_reuse", band=float(nearest.mean())).logits(TEXT, PROMPTS)
    for one in (exact, rounded):  # by less than rounding moves it: a prompt alone is summed up in another order
        assert sorted(bool(np.isclose(a, b, atol=1e-4).all()) for a, b in zip(between, one, strict=True)) == [
            False,
            True,
        ]


@NATIVE
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_in_half_precision_is_scored_again(golden: Any, value: float) -> None:
    extractor = composed(golden, "screened", band=1e-9)
    assert extractor.screen is not None
    extractor.screen.model.head_clsf.bias.data.fill_(value)
    assert extractor.extract(TEXT, SCHEMA) == composed(golden).extract(TEXT, SCHEMA)


@NATIVE
def test_a_screen_says_how_far_rounding_went_and_how_much_was_done_again(golden: Any) -> None:
    screened, extractor = REGISTRY["screened"], composed(golden, "screened", band=1e9)
    found = screened.evidence(probe(extractor))
    assert found.active
    assert found.figures["again"] == found.figures["prompts"] == 2
    for reuse in ("text_reuse", "prompt_memo"):
        assert REGISTRY[reuse].evidence(probe(composed(golden, "screened", reuse))).active
    assert 0 < found.figures["largest_error"] < 0.5
    assert not screened.evidence(probe(replace(extractor, screen=None))).active


@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_another_runtime_gives_the_same_logits_and_shows_that_it_did(golden: Any, name: str) -> None:
    if not runs_here(REGISTRY[name]):
        pytest.skip(str(REGISTRY[name].missing))
    plain, foreign = composed(golden), composed(golden, name, "dead_work")
    np.testing.assert_allclose(foreign.logits(TEXT, PROMPTS), plain.logits(TEXT, PROMPTS), atol=1e-4)
    assert REGISTRY[name].evidence(probe(foreign)).active
    assert REGISTRY["dead_work"].evidence(probe(foreign)).active
    assert not REGISTRY[name].evidence(probe(plain)).active


@pytest.mark.parametrize(
    ("name", "precision"), [("onnxruntime", "int8"), pytest.param("openvino", "bfloat16", marks=NATIVE)]
)
def test_a_runtime_that_rounds_is_near_and_says_so(golden: Any, name: str, precision: str) -> None:
    if not runs_here(REGISTRY[name]):
        pytest.skip(str(REGISTRY[name].missing))
    plain, rounded = composed(golden), composed(golden, name, precision=precision)
    assert not REGISTRY[name].promises({"precision": precision})
    apart = abs(rounded.logits(TEXT, PROMPTS) - plain.logits(TEXT, PROMPTS)).max()
    assert 1e-4 < apart < 2
    assert rounded.forwards.cross.rounded  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_a_broken_runtime_is_named(golden: Any, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / f"{name}.py").write_text("raise OSError('libsomething.so.1: cannot open shared object file')")
    (tmp_path / "onnx.py").write_text("__version__ = '0'")
    monkeypatch.syspath_prepend(tmp_path)
    for module in (name, "onnx"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    with pytest.raises(UnavailableError, match=rf"'{name}' cannot be imported \(OSError: libsomething"):
        REGISTRY[name].apply(composed(golden))
