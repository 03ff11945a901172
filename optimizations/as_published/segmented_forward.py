"""The guide's segmented forward: a loop that detaches what nothing holds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from harness.plugin import Evidence, Probe, Stage, optimization

if TYPE_CHECKING:
    from torch import Tensor

    from harness.baseline.model import Ops, Stack
    from harness.plugin import Extractor

_EVERY = 3  # layers


def tensors_detached(probe: Probe) -> Evidence:
    """Count the calls of detach in a profile."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        probe.run()
    detached = sum(event.count for event in profiled.key_averages() if event.key == "aten::detach")
    return Evidence(
        optimization="segmented_forward_as_published",
        active=detached > 0,
        summary=f"{detached} tensors detached, none of which had a graph to be freed",
        figures={"tensors_detached": detached, "graphs_freed": 0},
    )


@optimization(Stage.MEMORY, exact=False, evidence=tensors_detached, conflicts=["segmented_forward"])
def segmented_forward_as_published(extractor: Extractor) -> Extractor:
    """Loop over the layers without gradients, and detach the hidden states at every third one.

    Cheaper: nothing. Without gradients no layer's activations are kept, so there is nothing that detaching could free;
    each call makes one more view of the same memory. The other form of the step, ``gradient_checkpointing_enable``,
    acts in training only. Source: step 5 of the guide, as published.
    """
    from harness.baseline.forward import Forwards

    model = extractor.model.twin()
    model.plm.encoder = _detaching(model.plm.encoder)
    model.crossattention = _detaching(model.crossattention)
    return replace(extractor, model=model, forwards=Forwards.of(model))


def _detaching(stack: Stack) -> Stack:
    """A stack of the same layers that detaches at the first of every three, so that a short one detaches too."""
    import torch

    from harness.baseline.model import Stack

    class Detaching(Stack):
        def __init__(self) -> None:
            torch.nn.Module.__init__(self)
            self.layer = stack.layer

        def forward(self, hidden: Tensor, mask: Tensor | None, ops: Ops) -> Tensor:
            with torch.no_grad():
                for place, layer in enumerate(self.layer):
                    hidden = layer(hidden, mask, ops)
                    if place % _EVERY == 0:
                        hidden = hidden.detach()
            return hidden

    return Detaching().eval()
