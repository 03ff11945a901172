"""The guide's segmented forward: a loop that detaches what nothing holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.plugin import Evidence, Probe, Stage, optimization

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import ModuleList

    from harness.baseline.model import Ops, Stack
    from harness.plugin import Extractor

_EVERY = 3  # layers


def tensors_detached(probe: Probe) -> Evidence:
    """Count the calls of detach in a profile, beyond those of the same layers in the baseline's loop."""
    model = probe.extractor.model.twin()
    model.plm.encoder, model.crossattention = (_stack(one.layer) for one in (model.plm.encoder, model.crossattention))
    plain = probe.extractor.with_model(model)
    detached = _detach_calls(probe, probe.extractor) - _detach_calls(probe, plain)
    return Evidence(
        optimization="segmented_forward_as_published",
        active=detached > 0,
        summary=f"{detached} tensors detached, none of which had a graph to be freed",
        figures={"tensors_detached": detached, "graphs_freed": 0},
    )


@optimization(
    Stage.MEMORY,
    exact=False,
    evidence=tensors_detached,
    # Freezing a trace removes the calls; dead_work needs the baseline's loop over the layers.
    conflicts=["segmented_forward", "torchscript", "dead_work"],
)
def segmented_forward_as_published(extractor: Extractor) -> Extractor:
    """Loop over the layers without gradients, and detach the hidden states at every third one.

    Cheaper: nothing. Without gradients no layer's activations are kept, so there is nothing that detaching could free;
    each call makes one more view of the same memory. The other form of the step, ``gradient_checkpointing_enable``,
    acts in training only. Source: step 5 of the guide, as published.
    """
    model = extractor.model.twin()
    model.plm.encoder, model.crossattention = (
        _detaching(stack.layer) for stack in (model.plm.encoder, model.crossattention)
    )
    return extractor.with_model(model)


def _stack(layers: ModuleList, kind: type[Stack] | None = None) -> Stack:
    """A stack, the baseline's or of another kind, of layers that are there."""
    from torch import nn

    from harness.baseline.model import Stack

    stack = (kind or Stack).__new__(kind or Stack)
    nn.Module.__init__(stack)
    stack.layer = layers
    return stack.eval()


def _detaching(layers: ModuleList) -> Stack:
    """A stack that detaches at the first of every three layers, so that a short one detaches too."""
    import torch

    from harness.baseline.model import Stack

    class Detaching(Stack):
        def forward(self, hidden: Tensor, mask: Tensor | None, ops: Ops, *_: Any) -> Tensor:
            with torch.no_grad():
                for place, layer in enumerate(self.layer):
                    hidden = layer(hidden, mask, ops)
                    if place % _EVERY == 0:
                        hidden = hidden.detach()
            return hidden

    return _stack(layers, Detaching)


def _detach_calls(probe: Probe, extractor: Extractor) -> int:
    return sum(operator.name == "aten::detach" for operator in probe.operators(extractor))
