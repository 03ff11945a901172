"""What a device can do at most: the best of many repeats, by the best of all ways that are installed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from harness.errors import UnavailableError
from harness.measure.products import Product, Way, ways, why_not
from harness.work import Ceilings

if TYPE_CHECKING:
    import torch
    from torch import Tensor

# (rows, inner, outer), of a model of BERT-base's size over the tokens of a request: a projection of attention, which
# takes a CPU core a millisecond or two, so that some repeats go undisturbed on a busy machine too; and half of a
# feed-forward block, which keeps many cores busy. A big GPU needs more.
Shape: TypeAlias = tuple[int, int, int]
Operands: TypeAlias = "tuple[Tensor, Tensor]"
_CPU_SHAPES: Sequence[Shape] = ((128, 768, 768), (512, 768, 3072))
_CUDA_SHAPES: Sequence[Shape] = ((16384, 768, 3072), (8192, 8192, 8192))
# More than any cache holds, so that a copy goes through memory.
_CPU_COPY_BYTES, _CUDA_COPY_BYTES = 256 * 2**20, 2 * 2**30
# The best repeat counts: a ceiling is what the device can do, not what it did beside something else.
_REPEATED_S, _FEWEST_REPEATS = 0.1, 3
# Launches in a row, so that the wait at their end weighs little; fewer than a device lets the host be ahead.
_LAUNCHES = 500
# A product that would take longer is not tried: a way so slow only pretends (bfloat16 where a variable forbids the
# instructions that the processor has), and no run is held up for it.
_LONGEST_S = 0.5


def ceilings(
    device: torch.device, *, among: Sequence[Way] | None = None, clock: Callable[[], float] = time.perf_counter
) -> Ceilings:
    """Measure them, in a few seconds.

    Args:
        device: as many threads as torch was told to use take part on a CPU.
        among: the ways to multiply; None: all that are known for the device.
        clock: seconds.
    """
    import torch

    on_gpu = device.type == "cuda"
    shapes, copied = (_CUDA_SHAPES, _CUDA_COPY_BYTES) if on_gpu else (_CPU_SHAPES, _CPU_COPY_BYTES)
    synchronize = partial(torch.cuda.synchronize, device) if on_gpu else _nothing
    best = partial(_best, clock=clock, synchronize=synchronize)
    found: dict[str, dict[str, float]] = {}
    left_out: dict[str, str] = {}
    with torch.inference_mode():
        source = torch.zeros(copied, dtype=torch.uint8, device=device)
        target = torch.empty_like(source)
        bytes_per_s = 2 * copied / best(lambda: target.copy_(source))
        launch_s = least_launch_s(device, best) if on_gpu else None
        operands = [_operands(shape, device) for shape in shapes]
        for way in ways(device) if among is None else among:
            try:
                found.setdefault(way.dtype, {})[way.name] = max(_rates(way, operands, best))
            except Exception as error:  # private operators come and go, and a run needs none of them
                left_out[f"{way.name} ({way.dtype})"] = str(error).partition("\n")[0] or type(error).__name__
    found = {dtype: rates for dtype, rates in found.items() if rates}
    flops_per_s = {dtype: max(rates.values()) for dtype, rates in found.items()}
    return Ceilings(flops_per_s, bytes_per_s, found, left_out, launch_s)


def least_launch_s(device: torch.device, best: Callable[[Product], float]) -> float:
    """What a call of an operator takes that has next to nothing to do, many in a row, in seconds.

    Args:
        device: where it is launched.
        best: the time of a product, as for the ceilings.
    """
    import torch

    one = torch.zeros(1, device=device)

    def launches() -> None:
        for _ in range(_LAUNCHES):
            one.zero_()

    return best(launches) / _LAUNCHES


def _operands(shape: Shape, device: torch.device) -> Operands:
    """Activations and weights, made up."""
    import torch

    rows, inner, outer = shape
    return torch.randn(rows, inner, device=device), torch.randn(outer, inner, device=device)


def _rates(way: Way, operands: Sequence[Operands], best: Callable[[Product], float]) -> Iterator[float]:
    """Operations a second of a way, for each of the operands, the small ones first, that it is fast enough for."""
    import torch

    if reason := why_not(way.dtype, operands[0][0].device):
        raise UnavailableError(reason)
    dtype, rate = getattr(torch, way.kept_in), None
    for activations, weights in operands:
        flops = 2 * activations.shape[0] * weights.numel()
        if rate is not None and flops / rate > _LONGEST_S:
            return
        rate = flops / best(way.make(activations.to(dtype), weights.to(dtype)))
        yield rate


def _best(product: Product, clock: Callable[[], float], synchronize: Callable[[], object]) -> float:
    """The least time of several repeats, after one that warms up."""
    product()
    synchronize()
    times: list[float] = []
    while sum(times) < _REPEATED_S or len(times) < _FEWEST_REPEATS:
        begun = clock()
        product()
        synchronize()
        times.append(clock() - begun)
    return min(times)


def _nothing() -> None:
    """A CPU has done what it was told once the call is over."""
