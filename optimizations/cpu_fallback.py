"""The model on the CPU, although a GPU is there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.plugin import Evidence, Probe, Stage, optimization

if TYPE_CHECKING:
    from harness.plugin import LoadPlan


def left_the_gpu(probe: Probe) -> Evidence:
    """Look where the weights lie, and whether there is a GPU that they could lie on."""
    import torch

    there = torch.cuda.device_count() if torch.cuda.is_available() else 0
    weights = list(probe.extractor.model.parameters())
    on_cpu = sum(weight.device.type == "cpu" for weight in weights)
    return Evidence(
        optimization="cpu_fallback",
        active=there > 0 and on_cpu == len(weights) and probe.extractor.device.type == "cpu",
        summary=f"{on_cpu} of {len(weights)} weights on the CPU, {there} GPUs there",
        figures={"weights_on_cpu": on_cpu, "weights": len(weights), "gpus": there},
    )


def why_not(device: Any) -> str | None:
    """There is nothing to fall back from on a CPU."""
    return "the device is a CPU already" if device.type == "cpu" else None


@optimization(Stage.LOAD, exact=False, evidence=left_the_gpu, unavailable=why_not)
def cpu_fallback(plan: LoadPlan) -> LoadPlan:
    """Load the model onto the CPU instead of the GPU.

    Cheaper: the GPU's memory, all of it. Every forward takes longer, in proportion to what the GPU is faster. It does
    not apply where the device is a CPU. Inputs go where the model is; the breaker that the guide prints moves the
    model alone, so that its next request raises.
    Source: the guide, which advises against it as 12 times slower.
    """
    import torch

    return replace(plan, device=torch.device("cpu"))
