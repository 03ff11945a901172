"""The ceiling of a dtype is the fastest product of all ways that are there; what is not there is named."""

from __future__ import annotations

from itertools import chain, repeat
from typing import Any

import pytest
import torch

from harness.errors import UnavailableError
from harness.measure import ceilings as module
from harness.measure import products
from harness.measure.ceilings import ceilings, least_launch_s
from harness.measure.products import Way, ways
from harness.processor import Processor


class Clock:
    """Stands still, but for the products that move it: what a product takes, call by call."""

    def __init__(self) -> None:
        self.at_s = 0.0

    def __call__(self) -> float:
        return self.at_s

    def advance(self, *_: object) -> None:
        """Go on by a hundredth of a second."""
        self.at_s += 0.01

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
    """Time for made-up products; a small copy, and a launch, take a hundredth of a second."""
    clock = Clock()
    monkeypatch.setattr(module, "_CPU_SHAPES", [(ROWS, INNER, OUTER)])
    monkeypatch.setattr(module, "_CPU_COPY_BYTES", 64)
    for operator in ("copy_", "zero_"):
        monkeypatch.setattr(torch.Tensor, operator, clock.advance)
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
    monkeypatch.setattr(module, "_CPU_SHAPES", [(ROWS, INNER, OUTER), (ROWS, INNER, 3 * OUTER), (ROWS, INNER, OUTER)])
    found = ceilings(CPU, among=[clock.way("any", "float32", 0.01)], clock=clock)
    assert found.flops_per_s["float32"] == pytest.approx(3 * FLOPS / 0.01)


def test_a_slow_machine_repeats_less(clock: Clock) -> None:
    ceilings(CPU, among=[clock.way("slow", "float32", 5.0)], clock=clock)
    assert clock.at_s < 21  # one call to warm up, and three that count


def test_a_way_that_is_hopelessly_slow_is_not_tried_at_larger_products(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_CPU_SHAPES", [(ROWS, INNER, OUTER), (ROWS, INNER, 16 * OUTER)])
    found = ceilings(CPU, among=[clock.way("pretended", "float32", 0.1)], clock=clock)
    assert found.flops_per_s["float32"] == pytest.approx(FLOPS / 0.1)  # the larger one would take 1.6 s at that rate


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


def test_a_launch_takes_its_share_of_many_in_a_row_and_is_measured_on_a_device_alone(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[torch.device] = []

    def best(product: Any) -> float:
        product()
        return 0.5

    assert ceilings(CPU, among=[], clock=clock).launch_s is None
    monkeypatch.setattr(torch.Tensor, "zero_", lambda one: calls.append(one.device))
    assert least_launch_s(CPU, best) == 0.5 / len(calls)
    assert len(calls) > 100


def test_each_way_that_is_known_is_measured_or_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CPU_SHAPES", [(ROWS, INNER, OUTER)])
    monkeypatch.setattr(module, "_CPU_COPY_BYTES", 1 << 20)
    monkeypatch.setattr(module, "_REPEATED_S", 0.001)
    found = ceilings(CPU)
    measured = {f"{name} ({dtype})" for dtype, rates in found.ways.items() for name in rates}
    assert measured | set(found.left_out) == {f"{way.name} ({way.dtype})" for way in ways(CPU)}
    assert not measured & set(found.left_out)
    assert {"torch.matmul (float32)", "F.linear (float32)"} <= measured
    assert min(found.bytes_per_s, *found.flops_per_s.values()) > 0


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
