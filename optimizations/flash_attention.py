"""Attention by a fused kernel that never writes the score matrix."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from harness.plugin import Evidence, InputError, Probe, Stage, UnavailableError, optimization

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from harness.baseline.model import AttentionKernel
    from harness.plugin import Extractor

# The fused kernels by the events that a profile shows of them.
PROVIDERS = {
    "aten::_scaled_dot_product_flash_attention_for_cpu": "sdpa_flash",
    "aten::_scaled_dot_product_efficient_attention": "sdpa_efficient",
    "flash_attn::_flash_attn_varlen_forward": "flash_attn_varlen",
    "torch_attn::_varlen_attn": "torch_varlen",
}
_UNFUSED = "aten::_scaled_dot_product_attention_math"
_OLDEST_CUDA = (5, 0)  # the memory-efficient kernel needs sm50
_OLDEST_FLASH = (8, 0)  # the flash kernels need sm80
_OLDEST_FLASH_ATTN = (2, 7)  # since then its kernels are operators of torch
_DTYPES = ("float32", "float16", "bfloat16")


def kernels_seen(probe: Probe) -> Evidence:
    """Profile the attention kernels that the extractor really calls."""
    calls = Counter(operator.name for operator in probe.operators())
    fused = {name: calls[event] for event, name in PROVIDERS.items() if event in calls}
    unfused = calls[_UNFUSED]
    seen = [f"{name}: {count} calls of the fused kernel" for name, count in fused.items()]
    return Evidence(
        optimization="flash_attention",
        active=bool(fused) and not unfused,
        summary=f"{', '.join(seen) or 'no fused kernel'}, {unfused} unfused",
        figures={"fused_calls": sum(fused.values()), "unfused_calls": unfused},
    )


def why_not(device: Any) -> str | None:
    """The fused kernels need a CUDA device of compute capability 5.0, or a CPU."""
    import torch

    if device.type == "cuda" and (found := torch.cuda.get_device_capability(device)) < _OLDEST_CUDA:
        return f"compute capability {found[0]}.{found[1]} is older than the 5.0 that memory-efficient attention needs"
    return None


def fused(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
    """Scaled dot-product attention by torch's fused kernels. Shapes as in `harness.baseline.model`."""
    import torch.nn.functional as F

    return F.scaled_dot_product_attention(query, key, value, attn_mask=mask)


def unpadded(kernel: Callable[..., Any]) -> AttentionKernel:
    """Attention by a kernel that takes no mask but rows of different lengths, put one after another.

    How many tokens are kept is known to the device alone, and nothing here asks it, so nothing waits and a trace holds
    for any shape: the padding goes behind the last row, where no row looks, and what comes back from there is dropped.

    Args:
        kernel: (query, key, value, bounds of queries, bounds of keys, most queries, most keys) -> context; query, key,
            value and context are (tokens, N, D), bounds int32 (B + 1): where each row begins and the last ends. The
            most that there are may be fewer: they are the same for all shapes.
    """
    from harness.baseline.windows import PROMPT_TOKENS, TEXT_TOKENS

    # Of a row: no text and prompt together have more. A kernel starts work for so many, and the row's end stops it.
    most = TEXT_TOKENS + PROMPT_TOKENS

    def attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
        import torch

        query, key, value = (one.transpose(1, 2) for one in (query, key, value))  # (B, Q, N, D), twice (B, T, N, D)
        kept = torch.ones_like(key[:, :, 0, 0], dtype=torch.bool)  # (B, T)
        if mask is not None:
            kept = kept & mask[:, 0, 0]
        asking = kept[:, : query.shape[1]]  # (B, Q)
        asks, keeps = _places(asking), _places(kept)
        packed = [_packed(one, at) for one, at in ((query, asks), (key, keeps), (value, keeps))]
        context: Tensor = kernel(*packed, _bounds(asking), _bounds(kept), most, most)
        unpacked = context.index_select(0, asks).reshape_as(query)
        return unpacked.masked_fill(~asking[:, :, None, None], 0.0).transpose(1, 2)

    return attend


def _places(kept: Tensor) -> Tensor:
    """Where each token is put, (B * T): those that are kept, bool (B, T), in order, then the others."""
    import torch

    flat = kept.flatten()
    among_kept, among_others = flat.cumsum(0), (~flat).cumsum(0)
    return torch.where(flat, among_kept, among_kept[-1] + among_others) - 1


def _packed(tokens: Tensor, places: Tensor) -> Tensor:
    """(B, T, N, D) -> (B * T, N, D), each token at its place."""
    import torch

    flat = tokens.flatten(0, 1)
    return torch.empty_like(flat).index_copy(0, places, flat)


def _bounds(kept: Tensor) -> Tensor:
    """Where each row begins among the tokens that are kept, bool (B, T), and the last ends: int32 (B + 1)."""
    import torch
    import torch.nn.functional as F

    return F.pad(kept.sum(dim=1).cumsum(dim=0), (1, 0)).to(torch.int32)


def in_dtype(name: str, attention: AttentionKernel) -> AttentionKernel:
    """Attention on query, key and value cast to another type, its result cast back."""

    def attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
        import torch

        dtype = getattr(torch, name)
        return attention(query.to(dtype), key.to(dtype), value.to(dtype), mask).to(query.dtype)

    return attend


@optimization(
    Stage.ATTENTION,
    exact=lambda parameters: parameters.get("attention_dtype", "float32") == "float32",
    evidence=kernels_seen,
    unavailable=why_not,
)
def flash_attention(extractor: Extractor, *, attention_dtype: str = "float32") -> Extractor:
    """Compute attention by a fused kernel: on a CPU SDPA's flash kernel, on CUDA in fp32 the memory-efficient one.

    Cheaper: the score matrix is never written to memory, so attention's memory grows with the length, not with its
    square; on short texts there is little to save. The projections and the feed-forward blocks cost what they did.
    The order of summation changes, so logits move by about 1e-6. Which kernel the dispatcher took is checked in a
    profile: where it fell back to the unfused one, the cell fails.

    On CUDA the flash kernels themselves take only half precision, no mask, and compute capability 8.0 or newer. With
    ``attention_dtype`` they are used, on rows without their padding: torch's own, or flash-attn's with a torch that has
    none (before 2.10), which cannot be put into a saved trace.
    The scores then carry 8 or 11 bits, so answers may change.
    Source: Dao et al., 2022, arXiv 2205.14135; step 2 of the guide, whose patch calls no flash kernel.

    Args:
        extractor: the extractor to change.
        attention_dtype: float32, float16 or bfloat16; what query, key and value are cast to.
    """
    if attention_dtype not in _DTYPES:
        raise InputError(f"flash_attention: attention_dtype is {attention_dtype!r}; it must be one of {_DTYPES}")
    attention = fused if attention_dtype == "float32" else in_dtype(attention_dtype, _in_half(extractor.device))
    return extractor.with_ops(replace(extractor.model.ops, attention=attention))


def _in_half(device: torch.device) -> AttentionKernel:
    """The kernel for half precision: on a CPU SDPA's flash kernel, which takes a mask."""
    import torch

    if device.type == "cpu":
        return fused
    if (found := torch.cuda.get_device_capability(device)) < _OLDEST_FLASH:
        raise UnavailableError(
            f"flash_attention: the flash kernels need compute capability 8.0, and this device has "
            f"{found[0]}.{found[1]}; leave attention_dtype out"
        )
    try:
        from torch.nn.attention.varlen import varlen_attn
    except ImportError:
        return unpadded(_of_flash_attn())
    return unpadded(varlen_attn)


def _of_flash_attn() -> Callable[..., Any]:
    """The same kernel of the package flash-attn, for a torch that has none."""
    import torch

    try:
        found = version("flash-attn")
        from flash_attn import flash_attn_varlen_func
    except ImportError:
        found, flash_attn_varlen_func = "none", None
    if flash_attn_varlen_func is None or _release(found) < _OLDEST_FLASH_ATTN:
        raise UnavailableError(
            "flash_attention: attention in half precision on CUDA needs torch 2.10 or newer, or flash-attn 2.7 or "
            f"newer, and this is torch {torch.__version__} with {found}; install one, or leave attention_dtype out"
        )
    return flash_attn_varlen_func  # type: ignore[no-any-return]


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
