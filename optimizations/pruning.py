"""Fewer attention heads and feed-forward units."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.plugin import Evidence, InputError, Probe, Stage, optimization

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Linear

    from harness.baseline.model import Layer, SiameseUIE
    from harness.plugin import Extractor

_LEAST, _MOST = 0.1, 0.3  # source: the guide's range


def what_went(probe: Probe) -> Evidence:
    """Compare the heads and units of the layers with those in the checkpoint's configuration."""
    config, layers = probe.extractor.model.config, _layers(probe.extractor.model)
    heads, units = config.heads * len(layers), config.feed_forward * len(layers)
    fewer_heads = heads - sum(layer.attention.self.heads for layer in layers)
    fewer_units = units - sum(layer.output.dense.in_features for layer in layers)
    return Evidence(
        optimization="pruning",
        active=fewer_units > 0,
        summary=f"{fewer_heads} of {heads} attention heads and {fewer_units} of {units} feed-forward units removed",
        figures={"heads_removed": fewer_heads, "heads": heads, "units_removed": fewer_units, "units": units},
    )


@optimization(Stage.WEIGHTS, exact=False, evidence=what_went)
def pruning(extractor: Extractor, *, share: float = 0.2) -> Extractor:
    """Remove the attention heads and feed-forward units of each layer whose weights are the smallest.

    Cheaper: every layer's matrices become smaller, so time and memory of its products fall by about the share. The
    number of heads is rounded down: a model of 2 heads loses none. Nothing is trained afterwards, and how small a
    weight is says little about how much an answer hangs on it, so answers change.
    Source: Michel et al., 2019, arXiv 1905.10650; the guide advises against it (under 3 % gained).

    Args:
        extractor: the extractor to change.
        share: how much of the heads and of the units is removed, 0.1 to 0.3.
    """
    if not _LEAST <= share <= _MOST:
        raise InputError(f"pruning: share is {share}; it must be from {_LEAST} to {_MOST}")
    model = extractor.model.twin()
    for layer in _layers(model):
        _prune_heads(layer, int(share * layer.attention.self.heads))
        _prune_units(layer, max(1, int(share * layer.output.dense.in_features)))
    return extractor.with_model(model)


def _layers(model: SiameseUIE) -> list[Layer]:
    stacks = (model.plm.encoder, model.crossattention)
    return [layer for stack in stacks for layer in stack.layer]  # type: ignore[misc]  # a ModuleList says Module


def _prune_heads(layer: Layer, count: int) -> None:
    import torch

    inner, output = layer.attention.self, layer.attention.output
    weights = inner.query.weight, inner.key.weight, inner.value.weight, output.dense.weight.T  # each (N * D, H)
    kept = _largest(torch.cat([one.reshape(inner.heads, -1) for one in weights], dim=1), count)
    per_head = inner.query.out_features // inner.heads
    places = (kept[:, None] * per_head + torch.arange(per_head, device=kept.device)).flatten()
    inner.query, inner.key, inner.value = (_rows(one, places) for one in (inner.query, inner.key, inner.value))
    output.dense = _columns(output.dense, places)
    inner.heads = len(kept)


def _prune_units(layer: Layer, count: int) -> None:
    import torch

    wide, narrow = layer.intermediate, layer.output
    kept = _largest(torch.cat([wide.dense.weight, narrow.dense.weight.T], dim=1), count)
    wide.dense, narrow.dense = _rows(wide.dense, kept), _columns(narrow.dense, kept)


def _largest(weights: Tensor, dropped: int) -> Tensor:
    """The indices of all rows but the `dropped` ones of smallest norm. (rows, any) -> (rows - dropped)."""
    norms = (weights * weights).sum(dim=1)
    return norms.argsort(descending=True)[: len(weights) - dropped].sort().values


def _rows(linear: Linear, kept: Tensor) -> Linear:
    return _linear(linear.weight[kept], linear.bias[kept])


def _columns(linear: Linear, kept: Tensor) -> Linear:
    return _linear(linear.weight[:, kept], linear.bias)


def _linear(weight: Tensor, bias: Tensor) -> Linear:
    from torch import nn

    outputs, inputs = weight.shape
    made = nn.Linear(inputs, outputs, device="meta").eval()
    made.weight, made.bias = (nn.Parameter(one.contiguous(), requires_grad=False) for one in (weight, bias))
    return made
