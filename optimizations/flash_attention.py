"""Attention by a fused kernel that never writes the score matrix."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.plugin import Evidence, Probe, Stage, optimization

if TYPE_CHECKING:
    from torch import Tensor

    from harness.plugin import Extractor

# Which fused kernel torch's dispatcher takes for fp32 with a padding mask. On CUDA that is the memory-efficient one:
# the flash kernels there take only fp16 or bf16, and no mask.
PROVIDERS = {
    "cpu": ("sdpa_flash", "aten::_scaled_dot_product_flash_attention_for_cpu"),
    "cuda": ("sdpa_efficient", "aten::_scaled_dot_product_efficient_attention"),
}
_UNFUSED = "aten::_scaled_dot_product_attention_math"
_OLDEST_CUDA = (5, 0)  # the memory-efficient kernel needs sm50


def kernels_seen(probe: Probe) -> Evidence:
    """Profile the attention kernels that the extractor really calls."""
    from torch.profiler import ProfilerActivity, profile

    provider, wanted = PROVIDERS[probe.extractor.device.type]
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        probe.run()
    calls = {event.key: event.count for event in profiled.key_averages()}
    fused, unfused = calls.get(wanted, 0), calls.get(_UNFUSED, 0)
    return Evidence(
        optimization="flash_attention",
        active=fused > 0 and unfused == 0,
        summary=f"{provider}: {fused} calls of the fused kernel, {unfused} unfused",
        figures={"fused_calls": fused, "unfused_calls": unfused},
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


@optimization(Stage.ATTENTION, exact=True, evidence=kernels_seen, unavailable=why_not)
def flash_attention(extractor: Extractor) -> Extractor:
    """Compute attention by a fused kernel: on a CPU SDPA's flash kernel, on CUDA in fp32 the memory-efficient one.

    Cheaper: the score matrix is never written to memory, so attention's memory grows with the length, not with its
    square; on short texts there is little to save. The projections and the feed-forward blocks cost what they did.
    The order of summation changes, so logits move by about 1e-6. Which kernel the dispatcher took is checked in a
    profile: where it fell back to the unfused one, the cell fails.
    Source: Dao et al., 2022, arXiv 2205.14135; step 2 of the guide, whose patch calls no flash kernel.
    """
    return extractor.with_ops(replace(extractor.model.ops, attention=fused))
