"""On a device, pretended here, every optimization answers as on the CPU, and copies, waits and launches are few."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from pretend import (
    DEVICE,
    SIX,
    Pretended,
    Remote,
    asked,
    composed,
    deep_checkpoint,
    goes_there,
    guides_case,
    line,
    moved,
    rows,
    taken,
    together,
)

from harness import Extractor
from harness.baseline.flow import document
from harness.baseline.model import Ops, additive, eager_attention
from harness.baseline.slots import Ask
from harness.data.dataset import Example, pick, read_dataset
from harness.embedded.checkpoints import find_checkpoint
from harness.measure.profile import profile
from harness.plan.registry import find_optimizations
from harness.profile import Traffic
from optimizations.flash_attention import fused, kept_first, unpadded

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit")
THERE = [one for one in find_optimizations().values() if goes_there(one)]
EVERY = [one.name for one in together(THERE)]
LONG = Example("several windows", "屏幕很亮，价格三千元。" * 40, {"价格": None})
EXAMPLES = [guides_case(), *pick([one for one in read_dataset("business/test") if len(one.text) < 200], 3), LONG]
NODES, LEVELS = 5, 2  # of the guide's case: four attributes have an opinion asked for, all on the second level


def counted(do: Callable[[Pretended], object]) -> dict[str, int]:
    """What something takes that is neither a copy nor nothing."""
    device = Pretended()
    with torch.inference_mode(), device.there():
        do(device)
    return {name: count for name, count in msgspec.structs.asdict(device.traffic).items() if count}


def test_a_copy_is_waited_for_unless_it_comes_from_pinned_memory_and_nobody_wants_to() -> None:
    waited = {"copies_in": 1, "synchronisations": 1}
    assert counted(lambda _: torch.ones(3).to(DEVICE)) == waited
    assert counted(lambda _: torch.ones(3).to(DEVICE, non_blocking=True)) == waited
    assert counted(lambda _: torch.empty(3, pin_memory=True).to(DEVICE)) == waited
    assert counted(lambda _: torch.empty(3, pin_memory=True).to(DEVICE, non_blocking=True)) == {"copies_in": 1}
    assert counted(lambda _: torch.tensor([1, 2], device=DEVICE)) == waited


@pytest.mark.parametrize(
    ("read", "took"),
    [
        (lambda one: one.cpu(), {"copies_out": 1, "synchronisations": 1}),
        (lambda one: one.tolist(), {"copies_out": 1, "synchronisations": 1}),
        (lambda one: one[0].item(), {"copies_out": 1, "synchronisations": 1}),
        (lambda one: int(one[0]), {"copies_out": 1, "synchronisations": 1}),
        (lambda one: bool(one[0] > 0), {"copies_out": 1, "synchronisations": 1, "launches": 1}),
        (lambda one: one.nonzero(), {"synchronisations": 1, "launches": 1}),
        (lambda one: one[one > 0], {"synchronisations": 1, "launches": 3}),
        (
            lambda one: torch.where(one > 0, torch.tensor(1), one),
            {"copies_in": 1, "synchronisations": 1, "launches": 2},
        ),
    ],
)
def test_what_the_host_wants_to_know_is_waited_for(read: Any, took: dict[str, int]) -> None:
    found = counted(lambda _: read(torch.arange(1, 4, device=DEVICE)))
    assert found == {**took, "launches": took.get("launches", 0) + 1}  # arange


def test_a_launch_is_an_operator_that_computes() -> None:
    weight, bias = torch.ones(5, 4), torch.ones(5)

    def multiply(_: Pretended) -> None:
        given = torch.ones(2, 3, 4, device=DEVICE)
        torch.nn.functional.linear(given, weight.to(DEVICE), bias.to(DEVICE))[:, :2].transpose(0, 1).flatten(1)

    # Ones, the product with its bias, and the copy that flattening takes; views are none.
    assert counted(multiply) == {"copies_in": 2, "synchronisations": 2, "launches": 3}


def test_a_fused_kernel_takes_a_launch_and_three_more_to_make_numbers_of_a_mask() -> None:
    def attend(mask: Any) -> Callable[[Pretended], object]:
        def do(_: Pretended) -> object:
            one = torch.empty(1, 2, 4, 8, device=DEVICE)
            return torch.nn.functional.scaled_dot_product_attention(one, one, one, attn_mask=mask())

        return do

    shape = (1, 1, 1, 4)
    assert counted(attend(lambda: None)) == {"launches": 1}
    assert counted(attend(lambda: torch.empty(shape, device=DEVICE))) == {"launches": 1}
    assert counted(attend(lambda: torch.empty(shape, dtype=torch.bool, device=DEVICE))) == {"launches": 4}


def test_tensors_of_two_devices_are_refused_and_so_is_one_outside_of_it() -> None:
    past = torch.empty(3, device=DEVICE)  # torch's own tensor of that device, which holds nothing
    device = Pretended()
    with device.there():
        there = torch.ones(3).to(DEVICE)
        with pytest.raises(RuntimeError, match="on the device and on the CPU"):
            there + torch.ones(3)
        with pytest.raises(RuntimeError, match="made past it"):
            there + past
        assert isinstance(there + torch.tensor(1.0), Remote)
    with pytest.raises(RuntimeError, match="from outside of it"):
        there + 1


@pytest.fixture(scope="module")
def mini() -> Path:
    return find_checkpoint("mini")


@pytest.fixture(scope="module")
def deep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return deep_checkpoint(tmp_path_factory.mktemp("deep"))


def units(extractor: Extractor) -> int:
    """How many times the guide's case goes to the device: once a level with batching, else once a node."""
    return LEVELS if extractor.batching.joins_requests else NODES


@pytest.mark.parametrize("names", [[one.name] for one in THERE] + [list(SIX), EVERY], ids="+".join)
def test_answers_are_those_of_the_cpu_and_each_unit_goes_over_and_comes_back_once(mini: Path, names: list[str]) -> None:
    extractor, examples = composed(mini, names, "plain"), EXAMPLES if len(names) > 1 else EXAMPLES[::2]
    expected = [extractor.extract(one.text, one.schema) for one in examples]
    device = Pretended()
    there = moved(extractor, device)
    answered = [asked(there, device, one) for one in examples]
    assert [answer for answer, _ in answered] == expected
    of_guide = answered[0][1]
    again = 2 if there.screen is not None else 1  # a screen's two models each have a turn
    assert of_guide.copies_in == of_guide.copies_out == of_guide.synchronisations <= again * units(there)
    assert of_guide.launches > 0


@pytest.mark.parametrize("start", ["baseline", "plain", "stock"])
def test_so_do_the_starting_extractors(mini: Path, start: str) -> None:
    extractor = composed(mini, [], start)
    expected = [extractor.extract(one.text, one.schema) for one in EXAMPLES[:2]]
    device = Pretended()
    there = moved(extractor, device)
    answered = [asked(there, device, one) for one in EXAMPLES[:2]]
    assert [answer for answer, _ in answered] == expected
    assert msgspec.structs.replace(answered[0][1], launches=0) == Traffic(NODES, NODES, NODES)


@pytest.mark.parametrize("name", ["the guide's six, TorchScript left out", "all of these, TorchScript left out"])
def test_the_guides_case_takes_few_launches_in_a_model_as_deep_as_the_real_one(deep: Path, name: str) -> None:
    found = taken(deep, *rows()[name])
    assert msgspec.structs.replace(found, launches=0) == Traffic(LEVELS, LEVELS, LEVELS)
    assert found.launches <= 500


@pytest.mark.parametrize("name", ["stock", "flash_attention", "the guide's six, TorchScript left out"])
def test_the_page_says_what_is_counted(deep: Path, name: str) -> None:
    page = (Path(__file__).parents[2] / "docs" / "gpu.md").read_text(encoding="utf-8")
    assert line(name, taken(deep, *rows()[name])) in page


def test_logits_come_back_whole_where_they_are_wanted(mini: Path) -> None:
    extractor = composed(mini, SIX[1:])
    expected = [extractor.extract_observed(one.text, one.schema) for one in EXAMPLES]
    device = Pretended()
    there = moved(extractor, device)
    with device.there():
        found = [there.extract_observed(one.text, one.schema) for one in EXAMPLES]
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.chains == theirs.chains
        assert ours.logits.keys() == theirs.logits.keys()
        for prompt, logits in theirs.logits.items():
            np.testing.assert_allclose(ours.logits[prompt], logits, atol=1e-5)


@pytest.mark.parametrize(("value", "back"), [(0.0, 1), (float("nan"), 2), (float("inf"), 2)])
def test_a_logit_that_is_no_number_comes_back_as_it_is(mini: Path, value: float, back: int) -> None:
    extractor = composed(mini, [], "plain")
    extractor.model.head_clsf.bias.data.fill_(value)
    device = Pretended()
    there = moved(extractor, device)
    one = Ask(document(guides_case().text, there.tokenizer), there.tokenizer.prompt("价格: "))
    with device.there():
        found = there.scorer().score([[one]], answers_only=True)[one]
    assert (device.traffic.copies_in, device.traffic.copies_out) == (1, back)  # what is over the threshold; then all
    assert found.dtype == (bool if back == 1 else np.float32)
    assert np.isfinite(found).all() == (back == 1)


def test_rows_without_their_padding_are_found_without_a_word_to_the_host(mini: Path) -> None:
    def kernel(query: Any, key: Any, value: Any, begins: Any, ends: Any, *_: Any) -> Any:
        own = [one.held.transpose(0, 1)[None] for one in (query, key, value)]
        rows = zip(pairwise(begins.held.tolist()), pairwise(ends.held.tolist()), strict=True)
        found = [
            eager_attention(own[0][:, :, a:b], own[1][:, :, c:d], own[2][:, :, c:d], None) for (a, b), (c, d) in rows
        ]
        return Remote(torch.cat(found, dim=2)[0].transpose(0, 1))

    extractor = composed(mini, ["dynamic_truncation"])
    expected = extractor.extract(guides_case().text, guides_case().schema)
    device = Pretended()
    there = moved(extractor.with_ops(Ops(unpadded(kernel), kept_first)), device)
    answer, counts = asked(there, device, guides_case())
    assert answer == expected
    assert counts.synchronisations == counts.copies_out == NODES


def test_a_mask_is_made_once_a_stack_and_none_where_nothing_is_padded(mini: Path) -> None:
    """As many as there are stacks in a node's two towers and its cross layers."""
    made: list[bool] = []

    def masking(kept: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        made.append(bool(kept.all()))
        return additive(kept, dtype)

    plain = composed(mini, [], "plain")
    text, prompts = guides_case().text, ["价格: ", "产品名称: "]
    plain.with_ops(Ops(fused, masking)).logits(text, prompts)
    assert made == [True, False, False]
    made.clear()
    plain.with_ops(Ops(fused, masking, masks_padding_alone=True)).logits(text, prompts)
    assert made == [False, False]
    made.clear()
    plain.with_ops(Ops(fused, masking, masks_padding_alone=True)).logits(text, prompts[:1])
    assert made == []


def test_a_profile_counts_a_requests_traffic_on_a_device_and_none_on_the_cpu(mini: Path) -> None:
    extractor = composed(mini, SIX[1:])
    texts, schemas = [one.text for one in EXAMPLES], [one.schema for one in EXAMPLES]
    assert profile(extractor, texts[:1], schemas[:1], lambda: None).traffic == []
    device = Pretended()
    there = moved(extractor, device)
    expected = [asked(there, device, one)[1] for one in EXAMPLES]
    with device.there():
        assert profile(there, texts, schemas, lambda: None).traffic == expected
