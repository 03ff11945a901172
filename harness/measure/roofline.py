"""What a request's work is, and what the device can do at most."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.work import Ceilings, PassWork, Work

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from harness.baseline.extractor import Extractor

# Big enough to keep the device busy, small enough to be quick: one such product takes a CPU core some 40 ms, and a big
# GPU some 20 ms.
_CPU_SIZE, _CUDA_SIZE = 1024, 8192
# More than any cache holds, so that a copy goes through memory.
_CPU_COPY_BYTES, _CUDA_COPY_BYTES = 256 * 2**20, 2 * 2**30
_REPEATS = 7  # the best counts: a ceiling is what the device can do, not what it did beside something else


class Counter:
    """An extractor that answers as it did, and counts the work of its forwards."""

    def __init__(self, extractor: Extractor) -> None:
        from harness.baseline.forward import Forwards

        self._model, self._true, self._executed = extractor.model, Work(0, 0), Work(0, 0)
        self._half = extractor.precision.half_dtype(extractor.device)
        own = extractor.forwards

        def encode_text(ids: Tensor, mask: Tensor) -> Tensor:
            self._tower(mask)
            return own.encode_text(ids, mask)

        def encode_prompt(ids: Tensor, mask: Tensor, starts: Tensor) -> Tensor:
            self._tower(mask)
            return own.encode_prompt(ids, mask, starts)

        def cross(text: Tensor, text_mask: Tensor, prompt: Tensor, prompt_mask: Tensor) -> Tensor:
            self._cross(text_mask, prompt_mask)
            return own.cross(text, text_mask, prompt, prompt_mask)

        self.extractor = replace(extractor, forwards=Forwards(encode_text, encode_prompt, cross))

    @property
    def work(self) -> PassWork:
        """Of all requests so far."""
        from harness.baseline.work import product_dtype

        dtype = product_dtype(self._model) if self._half is None else str(self._half).removeprefix("torch.")
        return PassWork(self._true, self._executed, dtype)

    def _tower(self, mask: Tensor) -> None:
        from harness.baseline.work import tower_work

        self._true += tower_work(self._model, _tokens(mask))
        self._executed += tower_work(self._model, _padded(mask))

    def _cross(self, text: Tensor, prompt: Tensor) -> None:
        from harness.baseline.work import cross_work

        self._true += cross_work(self._model, _tokens(text), _tokens(prompt))
        self._executed += cross_work(self._model, _padded(text), _padded(prompt))


def _tokens(mask: Tensor) -> list[int]:
    counts: list[int] = mask.sum(dim=1).tolist()
    return counts


def _padded(mask: Tensor) -> list[int]:
    return [mask.shape[1]] * mask.shape[0]


def ceilings(device: torch.device, *, clock: Callable[[], float] = time.perf_counter) -> Ceilings:
    """Measure them, in about a second.

    Args:
        device: as many threads as torch was told to use take part on a CPU.
        clock: seconds.
    """
    import torch

    on_gpu = device.type == "cuda"
    size, copied = (_CUDA_SIZE, _CUDA_COPY_BYTES) if on_gpu else (_CPU_SIZE, _CPU_COPY_BYTES)

    def best(work: Callable[[], Any]) -> float:
        times = []
        for _ in range(_REPEATS + 1):  # the first one warms up
            begun = clock()
            work()
            if on_gpu:
                torch.cuda.synchronize(device)
            times.append(clock() - begun)
        return min(times[1:])

    source = torch.zeros(copied, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    copy_s = best(lambda: target.copy_(source))
    flops = {name: 2 * size**3 / best(product) for name, product in _products(device, size, on_gpu=on_gpu)}
    return Ceilings(flops, 2 * copied / copy_s)


def _products(device: torch.device, size: int, *, on_gpu: bool) -> Sequence[tuple[str, Callable[[], Any]]]:
    """A matrix product for each dtype that models run in on the device."""
    import torch

    def product(dtype: torch.dtype) -> Callable[[], Any]:
        one, other = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
        return lambda: one @ other

    plain = product(torch.float32)
    if not on_gpu:
        return [("float32", plain), *_int8_products(size)]

    def in_tf32() -> None:
        before = torch.backends.cuda.matmul.allow_tf32
        torch.backends.cuda.matmul.allow_tf32 = True
        try:
            plain()
        finally:
            torch.backends.cuda.matmul.allow_tf32 = before

    halves = [(name, product(getattr(torch, name))) for name in ("float16", "bfloat16")]
    return [("float32", plain), ("tf32", in_tf32), *halves]


def _int8_products(size: int) -> Sequence[tuple[str, Callable[[], Any]]]:
    """As dynamic quantization makes it: float activations, 8-bit weights; none where torch was built without."""
    import torch

    if torch.backends.quantized.engine == "none":
        return []
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", r"torch\.quantize_per_tensor", UserWarning
        )  # its deprecation is not news here
        weights = torch.quantize_per_tensor(torch.randn(size, size), 0.05, 0, torch.qint8)
    packed = torch.ops.quantized.linear_prepack(weights, None)
    activations = torch.randn(size, size)
    return [("int8", lambda: torch.ops.quantized.linear_dynamic(activations, packed))]
