"""Weights and activations in half precision."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.plugin import Evidence, InputError, Probe, Stage, UnavailableError, optimization

if TYPE_CHECKING:
    import torch

    from harness.plugin import Extractor

_DTYPES = ("bfloat16", "float16")
_OLDEST_BFLOAT16 = (8, 0)  # compute capability


def computed_in_half(probe: Probe) -> Evidence:
    """Look at the weights of the linear layers, and at what each call of the text tower gives."""
    from harness.baseline.work import product_dtype

    own, seen = probe.extractor.forwards, Counter[str]()

    def noted(*inputs: Any) -> Any:
        encoded = own.encode_text(*inputs)
        seen[str(encoded.dtype).removeprefix("torch.")] += 1
        return encoded

    probe.run(replace(probe.extractor, forwards=replace(own, encode_text=noted)))
    weights, half = product_dtype(probe.extractor.model), sum(seen[name] for name in _DTYPES)
    return Evidence(
        optimization="half_precision",
        active=weights in _DTYPES and 0 < half == seen.total(),
        summary=f"weights in {weights}; {half} of {seen.total()} calls of the text tower gave half precision",
        figures={"calls": seen.total(), "calls_in_half": half},
    )


@optimization(
    Stage.WEIGHTS,
    exact=False,
    evidence=computed_in_half,
    conflicts=["packed_linear", "int8"],  # both hold the weights in a form of their own
)
def half_precision(extractor: Extractor, *, dtype: str = "bfloat16") -> Extractor:
    """Hold weights and activations in 16 bits and multiply in them; the two classifiers stay in fp32.

    Cheaper: half the memory of the weights, half of all traffic, and products at twice the speed or more where the
    device multiplies 16 bits natively: GPUs, and CPUs with AVX-512 BF16 or AMX. Elsewhere it is refused, because
    every product would go by way of fp32. Numbers have 8 bits (bfloat16) or 11 (float16) instead of 24, so logits near
    the threshold may fall on its other side, and answers change. Attention's scores are in 16 bits too.
    Source: Micikevicius et al., 2018, arXiv 1710.03740; Kalamkar et al., 2019, arXiv 1905.12322.

    Args:
        extractor: the extractor to change.
        dtype: bfloat16 or float16.
    """
    import torch
    from torch import nn

    from harness.baseline.precision import OwnPrecision

    if dtype not in _DTYPES:
        raise InputError(f"half_precision: dtype is {dtype!r}; it must be one of {_DTYPES}")
    if reason := _why_not(dtype, extractor.device):
        raise UnavailableError(f"half_precision: {reason}")
    half, full = getattr(torch, dtype), extractor.model
    model = full.twin(lambda weight: nn.Parameter(weight.to(half), requires_grad=False))
    model.head_clsf, model.tail_clsf = OwnPrecision(full.head_clsf), OwnPrecision(full.tail_clsf)
    return extractor.with_model(model)


def _why_not(dtype: str, device: torch.device) -> str | None:
    import torch

    from harness.measure.hardware import processor

    if device.type == "cuda":
        found = torch.cuda.get_device_capability(device)
        return (
            f"GPUs multiply bfloat16 from compute capability 8.0 on, and this one has {found[0]}.{found[1]}; use "
            "dtype float16"
            if dtype == "bfloat16" and found < _OLDEST_BFLOAT16
            else None
        )
    if dtype == "float16":
        return "on a CPU dtype must be bfloat16; torch has no fast product for float16 there"
    if not processor().multiplies_bfloat16:
        return "this processor has no instructions for bfloat16 (AVX-512 BF16, AMX or ARM's), so it would be slower"
    return None
