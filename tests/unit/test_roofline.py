"""The work that the model states is what torch counts, and a share of the limit is what it says."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain, repeat
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from torch.utils.flop_counter import FlopCounterMode

from harness import Extractor
from harness.analyse.roofline import Share, share
from harness.baseline.model import ModelConfig, SiameseUIE
from harness.baseline.slots import NodeByNode, PadToFixed
from harness.baseline.work import cross_work, tower_work
from harness.embedded.checkpoints import find_checkpoint
from harness.errors import UnavailableError
from harness.measure import products, roofline
from harness.measure.products import Way, ways
from harness.measure.roofline import Counter, ceilings
from harness.plan.registry import find_optimizations
from harness.processor import Processor
from harness.work import Ceilings, PassWork, Work

MODEL = SiameseUIE(ModelConfig(50, 64, 4, 128, tower_layers=3, cross_layers=2)).eval()
TEXT, SCHEMA = "这款手机售价2999元，屏幕非常清晰。", {"价格": None, "产品型号": None}
rows, tokens = st.integers(1, 4), st.integers(1, 120)


@pytest.fixture(scope="module")
def mini() -> Extractor:
    return Extractor.load(find_checkpoint("mini"), start="baseline")


def counted(forward: str, *inputs: torch.Tensor) -> int:
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        getattr(MODEL, forward)(*inputs)
    return int(counter.get_total_flops())


@settings(max_examples=15)
@given(rows, tokens, tokens)
def test_the_stated_operations_are_those_that_torch_counts(rows: int, text: int, prompt: int) -> None:
    ids, mask = torch.zeros(rows, text, dtype=torch.long), torch.ones(rows, text, dtype=torch.bool)
    starts = torch.zeros(rows, dtype=torch.long)
    tower = tower_work(MODEL, [text] * rows).flops
    assert counted("encode_text", ids, mask) == pytest.approx(tower, rel=0.02)
    assert counted("encode_prompt", ids, mask, starts) == pytest.approx(tower, rel=0.02)
    hidden, asked = torch.zeros(rows, text, 64), torch.zeros(rows, prompt, 64)
    asked_mask = torch.ones(rows, prompt, dtype=torch.bool)
    stated = cross_work(MODEL, [text] * rows, [prompt] * rows).flops
    assert counted("cross", hidden, mask, asked, asked_mask) == pytest.approx(stated, rel=0.02)


def test_bytes_are_the_weights_once_a_forward_and_a_layers_ends_for_each_token() -> None:
    one, two = (tower_work(MODEL, [10] * rows).bytes for rows in (1, 2))
    layers = 3 * (4 * 64 * 64 + 2 * 64 * 128) * 4
    assert 2 * one - two == layers
    assert two - one == 10 * 64 * 4 * (3 + 3 * 2)


def test_padding_is_executed_and_not_true(mini: Extractor) -> None:
    padded, tight = Counter(mini), Counter(find_optimizations()["dynamic_truncation"].apply(mini, multiple=1))
    for counter in (padded, tight):
        assert counter.extractor.extract(TEXT, SCHEMA) == mini.extract(TEXT, SCHEMA)
    assert isinstance(padded.extractor.padding, PadToFixed)
    assert padded.work.true == tight.work.true
    assert padded.work.executed.flops > 10 * padded.work.true.flops
    # One prompt is shorter than the others of its node.
    assert tight.work.true.flops < tight.work.executed.flops < 1.2 * tight.work.true.flops


def test_work_of_a_text_that_is_encoded_twice_counts_twice(mini: Extractor) -> None:
    once, twice = Counter(mini), Counter(replace(mini, batching=NodeByNode(prompts=1)))
    once.extractor.extract(TEXT, {"价格": None, "商品": None})
    twice.extractor.extract(TEXT, {"价格": None, "商品": None})
    assert once.work.true.flops == twice.work.true.flops
    assert once.work.true.bytes < twice.work.true.bytes  # the weights are read for each of the two forwards


def under(work: PassWork, device: Ceilings) -> Share:
    found = share(work, 2, 0.5, device)
    assert found is not None
    return found


def test_a_share_is_the_least_time_over_the_time_taken() -> None:
    work = PassWork(true=Work(2_000, 100), executed=Work(8_000, 200))
    bound_by_compute = under(work, Ceilings({"float32": 4_000.0}, 1_000.0))
    assert (bound_by_compute.of_limit, bound_by_compute.useful, bound_by_compute.bound) == (0.5, 0.25, "compute")
    assert bound_by_compute.request == Work(1_000, 50)
    in_half, both = structs.replace(work, dtype="float16"), Ceilings({"float32": 4_000.0, "float16": 8_000.0}, 1_000.0)
    assert under(in_half, both).of_limit == 0.25
    assert share(structs.replace(work, dtype="float64"), 2, 0.5, both) is None
    bound_by_memory = under(work, Ceilings({"float32": 1e9}, 1_000.0))
    assert bound_by_memory.of_limit == pytest.approx(0.1)
    assert bound_by_memory.bound == "memory"


class Clock:
    """Stands still, but for the products that move it: what a product takes, call by call."""

    def __init__(self) -> None:
        self.at_s = 0.0

    def __call__(self) -> float:
        return self.at_s

    def way(self, name: str, dtype: str, *seconds: float) -> Way:
        """A way whose calls take so long, the last of them for ever after; the first call only warms up."""
        left = chain(seconds, repeat(seconds[-1]))

        def product() -> None:
            self.at_s += next(left)

        return Way(name, dtype, lambda *_: product)


CPU = torch.device("cpu")
ROWS, INNER, OUTER = 32, 64, 64
FLOPS = 2 * ROWS * INNER * OUTER


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Time for made-up products; the copy is a small one that takes no time."""
    clock = Clock()
    monkeypatch.setattr(roofline, "_CPU_SHAPES", [(ROWS, INNER, OUTER)])
    monkeypatch.setattr(roofline, "_CPU_COPY_BYTES", 64)
    monkeypatch.setattr(torch.Tensor, "copy_", lambda *_: setattr(clock, "at_s", clock.at_s + 0.01))
    return clock


def test_the_ceiling_of_a_dtype_is_the_fastest_ways_and_each_is_kept(clock: Clock) -> None:
    ways = [
        clock.way("default", "float32", 0.02),
        clock.way("packed", "float32", 0.01),
        clock.way("public", "float32", 0.015),
        clock.way("dynamic", "int8", 0.004),
    ]
    found = ceilings(CPU, among=ways, clock=clock)
    assert found.flops_per_s == pytest.approx({"float32": FLOPS / 0.01, "int8": FLOPS / 0.004})
    assert [name for name, _ in found.fastest("float32")] == ["packed", "public", "default"]
    assert found.ways["float32"]["default"] == pytest.approx(FLOPS / 0.02)
    assert found.bytes_per_s == pytest.approx(2 * 64 / 0.01)
    assert found.left_out == {}


def test_the_best_of_several_repeats_counts_and_the_first_call_warms_up(clock: Clock) -> None:
    found = ceilings(CPU, among=[clock.way("bursts", "float32", 0.001, 0.03, 0.01, 0.03)], clock=clock)
    assert found.flops_per_s["float32"] == pytest.approx(FLOPS / 0.01)


def test_the_best_of_the_shapes_counts(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roofline, "_CPU_SHAPES", [(ROWS, INNER, OUTER), (ROWS, INNER, 3 * OUTER), (ROWS, INNER, OUTER)])
    found = ceilings(CPU, among=[clock.way("any", "float32", 0.01)], clock=clock)
    assert found.flops_per_s["float32"] == pytest.approx(3 * FLOPS / 0.01)


def test_a_slow_machine_repeats_less(clock: Clock) -> None:
    ceilings(CPU, among=[clock.way("slow", "float32", 5.0)], clock=clock)
    assert clock.at_s < 21  # one call to warm up, and three that count


def broken(error: Exception) -> Way:
    def make(*_: torch.Tensor) -> Any:
        raise error

    return Way("private", "float32", make)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (UnavailableError("torch 9 has no such operators"), "torch 9 has no such operators"),
        (RuntimeError("no kernel\nException raised from lookup at …"), "no kernel"),
        (TypeError(), "TypeError"),
    ],
)
def test_a_way_that_is_not_there_is_left_out_with_the_reason(error: Exception, reason: str, clock: Clock) -> None:
    found = ceilings(CPU, among=[broken(error), clock.way("default", "float32", 0.01)], clock=clock)
    assert found.left_out == {"private (float32)": reason}
    assert list(found.ways["float32"]) == ["default"]
    nothing = ceilings(CPU, among=[broken(error)], clock=clock)
    assert (nothing.flops_per_s, nothing.ways) == ({}, {})


def test_without_its_private_operators_the_packed_product_is_left_out(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.ops, "mkldnn", object())
    (packed,) = (way for way in ways(CPU) if (way.name, way.dtype) == ("oneDNN packed", "float32"))
    found = ceilings(CPU, among=[packed], clock=clock)
    assert found.left_out == {"oneDNN packed (float32)": f"torch {torch.__version__} has no such operators"}


def test_bfloat16_is_measured_only_where_the_processor_multiplies_it(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for sets, has in ((("avx2",), False), (("avx2", "avx512_bf16"), True)):
        monkeypatch.setattr(products, "processor", lambda sets=sets: Processor("any", instruction_sets=sets))
        found = ceilings(
            CPU, among=[clock.way("any", "bfloat16", 0.01), clock.way("any", "float32", 0.01)], clock=clock
        )
        assert ("bfloat16" in found.flops_per_s) == has
        assert "float32" in found.flops_per_s
        assert found.left_out == (
            {} if has else {"any (bfloat16)": "the processor has no instructions that multiply bfloat16"}
        )


@pytest.mark.parametrize(("capability", "lacking"), [((7, 5), {"tf32", "bfloat16"}), ((8, 0), set())])
def test_a_gpu_multiplies_what_it_has_units_for(
    capability: tuple[int, int], lacking: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cuda = torch.device("cuda")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    assert {way.dtype for way in ways(cuda) if products.why_not(way.dtype, cuda)} == lacking
    assert {way.dtype for way in ways(cuda)} == {"float32", "tf32", "float16", "bfloat16"}


@pytest.mark.parametrize("way", ways(CPU), ids=lambda way: f"{way.name} {way.dtype}")
def test_every_way_gives_the_product(way: Way) -> None:
    if reason := products.why_not(way.dtype, CPU):
        pytest.skip(reason)
    torch.manual_seed(0)
    activations, weights = (torch.randn(rows, 64).to(getattr(torch, way.kept_in)) for rows in (32, 48))
    with torch.inference_mode():
        try:
            found = way.make(activations, weights)()
        except UnavailableError as error:
            pytest.skip(str(error))
    dense = found.to_dense() if found.layout != torch.strided else found
    tolerance = {"float32": 1e-4, "bfloat16": 0.2, "int8": 2.0}[way.dtype]
    assert torch.allclose(dense.float(), activations.float() @ weights.float().t(), atol=tolerance)


def test_a_quantized_model_is_held_against_the_ceiling_of_its_integers(mini: Extractor) -> None:
    plain, small = Counter(mini), Counter(find_optimizations()["int8"].apply(mini))
    for counter in (plain, small):
        counter.extractor.extract(TEXT, {"价格": None})
    assert (plain.work.dtype, small.work.dtype) == ("float32", "int8")
    assert small.work.true.flops == plain.work.true.flops
    assert small.work.true.bytes < plain.work.true.bytes
    device = Ceilings({"float32": 1.0, "int8": 4.0}, 1e30)
    fast, slow = (under(one.work, device) for one in (small, plain))
    assert slow.of_limit == pytest.approx(4 * fast.of_limit)
    assert fast.dtype == "int8"
