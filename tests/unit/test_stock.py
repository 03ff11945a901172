"""Stock puts to the model what the reference's pipeline puts to it, in the reference's precision."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from seen import Call, calls, silent
from torch.profiler import profile

from harness import Extractor
from harness.baseline.forward import Forwards
from harness.baseline.loading import STARTS, plain_plan
from harness.baseline.precision import Precision
from harness.measure.roofline import Counter
from harness.record import stock_is_exact

HALF_ON_CPU = Precision("cpu", torch.bfloat16)


def expected(text_tokens: int, prompt_tokens: list[int]) -> list[Call]:
    """The reference's rule for one schema node, written from what its pipeline does."""
    windows = 1 if text_tokens <= 384 else 1 + math.ceil((text_tokens - 384) / 352)
    text = text_tokens if windows == 1 else 384
    prompt = min(128, max(prompt_tokens))

    def parts(rows: int) -> list[int]:
        return [len(part) for part in torch.arange(rows).tensor_split(rows // 8 + 1)]

    rows = parts(windows * len(prompt_tokens))
    return [
        *(Call("text", size, text) for size in parts(windows)),
        *(Call("prompt", size, prompt) for size in rows),
        *(Call("cross", size, text + prompt) for size in rows),
    ]


@pytest.fixture(scope="module")
def stock(golden: Path) -> Extractor:
    return silent(plain_plan(golden, device="cpu", start="stock").load())


@settings(max_examples=60)
@given(characters=st.integers(0, 4000), lengths=st.lists(st.integers(1, 150), min_size=1, max_size=20))
def test_every_forward_has_the_references_rows_and_padding(
    stock: Extractor, characters: int, lengths: list[int]
) -> None:
    text = "好" * characters
    types = [f"{place}" + "好" * length for place, length in enumerate(lengths)]
    prompts = [len(stock.tokenizer.text(f"{one}: ").ids) for one in types]
    assert sorted(calls(stock, text, dict.fromkeys(types))) == sorted(expected(characters + 2, prompts))


@pytest.mark.parametrize(
    ("prompts", "windows", "sizes"),
    [(7, 1, [7]), (8, 1, [4, 4]), (9, 1, [5, 4]), (16, 1, [6, 5, 5]), (1, 8, [4, 4]), (8, 5, [7, 7, 7, 7, 6, 6])],
)
def test_rows_are_split_evenly_into_one_part_more_than_full_eights(
    stock: Extractor, prompts: int, windows: int, sizes: list[int]
) -> None:
    text = "好" * (384 + 352 * (windows - 1) - 2)
    seen = calls(stock, text, {f"类{place}": None for place in range(prompts)})
    assert [one.rows for one in seen if one.forward == "cross"] == sizes
    # A text of several windows has its prompts run once a window.
    assert [one.rows for one in seen if one.forward == "prompt"] == sizes


def test_the_plain_start_runs_a_prompt_once_however_many_the_windows(golden: Path) -> None:
    plain = silent(Extractor.load(golden))
    asked = calls(plain, "好" * 1000, {"价格": None, "产品名称": None})
    prompts = [one for one in asked if one.forward == "prompt"]
    assert prompts == [Call("prompt", 2, len(plain.tokenizer.prompt("产品名称: ")))]


def test_only_stock_computes_in_half_precision_and_on_cuda_alone() -> None:
    half = {
        (name, device): STARTS[name].precision.half_dtype(torch.device(device))
        for name in STARTS
        for device in ("cpu", "cuda", "cuda:1")
    }
    in_half = {place: dtype for place, dtype in half.items() if dtype is not None}
    assert in_half == {("stock", "cuda"): torch.float16, ("stock", "cuda:1"): torch.float16}
    for device in ("cpu", "cuda", "cuda:1"):
        assert stock_is_exact(device) == (half["stock", device] is None)


def half_on_cpu(golden: Path) -> Extractor:
    """Stock as it comes up on CUDA, but for the device."""
    plan = plain_plan(golden, device="cpu", start="stock")
    return replace(plan, start=replace(plan.start, precision=HALF_ON_CPU)).load()


def test_all_three_forwards_run_under_autocast_and_the_answers_come_out_in_fp32(golden: Path) -> None:
    extractor = half_on_cpu(golden)
    seen: list[bool] = []

    def noting(forward: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*inputs: Any) -> Any:
            seen.append(torch.is_autocast_enabled("cpu"))
            return forward(*inputs)

        return noted

    own = extractor.forwards
    watched = Forwards(noting(own.encode_text), noting(own.encode_prompt), noting(own.cross))
    replace(extractor, forwards=watched).logits("好" * 400, ["价格: "])
    assert seen == [True, True, True]
    logits = extractor.logits("华为手机，售价999元", ["价格: "])
    assert logits.dtype == "float32"
    assert 0 < abs(logits - Extractor.load(golden).logits("华为手机，售价999元", ["价格: "])).max() < 0.5


def test_a_weight_is_cast_once_for_all_parts_of_a_node_as_in_the_reference(golden: Path) -> None:
    extractor = half_on_cpu(golden)

    def casts(types: int) -> int:
        with profile() as made:
            extractor.extract("", {f"类{place}": None for place in range(types)})
        return sum(int(event.count) for event in made.key_averages() if event.key == "aten::_to_copy")

    of_a_part = casts(16) - casts(8)  # three parts and two
    linear_layers = sum(isinstance(one, torch.nn.Linear) for one in extractor.model.modules())
    assert 0 < of_a_part < 2 * linear_layers  # without what is kept: a weight, a bias and an input each


def test_weights_cannot_be_trained_where_autocast_has_no_part(golden: Path) -> None:
    plan: Any = plain_plan(golden, device="cpu", start="stock")
    assert not any(one.requires_grad for one in plan.load().model.parameters())


def test_its_work_is_counted_in_the_precision_that_it_runs_in(golden: Path) -> None:
    counter = Counter(half_on_cpu(golden))
    counter.extractor.logits("华为手机", ["价格: "])
    assert counter.work.dtype == "bfloat16"
