"""Weights and activations in half precision."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.plugin import Evidence, InputError, Probe, Stage, UnavailableError, optimization

if TYPE_CHECKING:
    import torch

    from harness.plugin import LoadPlan

_DTYPES = ("bfloat16", "float16")
_OLDEST_BFLOAT16 = (8, 0)  # compute capability


def computed_in_half(probe: Probe) -> Evidence:
    """Look at the weights of the linear layers, and at what each call of the text tower gives."""
    from harness.baseline.work import product_dtype

    seen = Counter[str]()
    probe.watch(lambda name, _, given: seen.update([str(given.dtype)] if name == "encode_text" else []))
    weights, half = product_dtype(probe.extractor.model), sum(seen[f"torch.{name}"] for name in _DTYPES)
    return Evidence(
        optimization="half_precision",
        active=weights in _DTYPES and 0 < half == seen.total(),
        summary=f"weights in {weights}; {half} of {seen.total()} calls of the text tower gave half precision",
        figures={"calls": seen.total(), "calls_in_half": half},
    )


def why_not(device: Any) -> str | None:
    """A CPU needs instructions for bfloat16; what a GPU multiplies depends on its age and the parameter."""
    return _why_not("bfloat16", device) if device.type == "cpu" else None


@optimization(
    Stage.LOAD,
    exact=False,
    evidence=computed_in_half,
    unavailable=why_not,
    conflicts=["int8", "pruning"],  # both read a layer's weights as fp32 matrices
)
def half_precision(plan: LoadPlan, *, dtype: str = "bfloat16") -> LoadPlan:
    """Hold weights and activations in 16 bits and multiply in them; the two classifiers stay in fp32.

    Cheaper: half the memory of the weights, half of all traffic, and products at twice the speed or more where the
    device multiplies 16 bits natively: GPUs, and CPUs with AVX-512 BF16 or AMX. Elsewhere it is refused, because
    every product would go by way of fp32. Numbers have 8 bits (bfloat16) or 11 (float16) instead of 24, so logits near
    the threshold may fall on its other side, and answers change. Attention's scores are in 16 bits too.
    Source: Micikevicius et al., 2018, arXiv 1710.03740; Kalamkar et al., 2019, arXiv 1905.12322.

    Args:
        plan: the start to change.
        dtype: bfloat16 or float16.
    """
    from harness.baseline.precision import in_half

    half = half_dtype("half_precision", dtype, plan.device)
    return replace(plan, changes=(*plan.changes, lambda model: in_half(model, half)))


def half_dtype(who: str, name: str, device: torch.device) -> torch.dtype:
    """The half precision of that name.

    Args:
        who: the optimization that asks, for the message.
        name: one of two.
        device: where it is to be fast.

    Raises:
        InputError: it is none.
        UnavailableError: the device does not multiply in it.
    """
    import torch

    if name not in _DTYPES:
        raise InputError(f"{who}: dtype is {name!r}; it must be one of {_DTYPES}")
    if reason := _why_not(name, device):
        raise UnavailableError(f"{who}: {reason}")
    half: torch.dtype = getattr(torch, name)
    return half


def _why_not(dtype: str, device: torch.device) -> str | None:
    import torch

    from harness.hardware import processor

    if device.type == "cuda":
        found = torch.cuda.get_device_capability(device)
        if dtype == "float16" or found >= _OLDEST_BFLOAT16:
            return None
        return (
            f"GPUs multiply bfloat16 from compute capability 8.0 on, and this one has {found[0]}.{found[1]}; use "
            "dtype float16"
        )
    if dtype == "float16":
        return "on a CPU dtype must be bfloat16; torch has no fast product for float16 there"
    if not processor().multiplies_bfloat16:
        return "this processor has no instructions for bfloat16 (AVX-512 BF16, AMX or ARM's), so it would be slower"
    return None
