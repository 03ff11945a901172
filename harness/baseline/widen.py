"""A checkpoint made bigger without changing what it computes.

Deeper: a layer whose two output projections are zero passes its input through, if that input is the output of
a LayerNorm with weight 1 and bias 0. Wider: every hidden vector is tiled, and each matrix is divided by the number of
tiles of its input. Noise that sums to zero over the tiles of an input makes the weights of every matrix differ and
changes no output.
(After Chen, Goodfellow and Shlens, Net2Net, ICLR 2016.)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from harness.baseline.model import ModelConfig, SiameseUIE

NOISE = 0.02  # standard deviation, the same as of BERT's initial weights
_STACKS = ("plm.encoder", "crossattention")
_OUTPUTS = ("attention.output.dense", "output.dense")


def widen(config: ModelConfig, weights: Mapping[str, Tensor], target: ModelConfig, seed: int = 0) -> dict[str, Tensor]:
    """The weights of a bigger model that computes the same as the given one.

    Args:
        config: the given model's sizes.
        weights: its state dict; the last LayerNorm of each stack must have weight 1 and bias 0.
        target: the bigger sizes: at least as many layers, the same head size, all widths times the same factor.
        seed: for the noise, and for weights that do not affect the output.

    Raises:
        ValueError: the sizes do not fit, or a last LayerNorm is not plain.
    """
    times = target.hidden // config.hidden
    if (target.hidden, target.heads, target.feed_forward) != (
        config.hidden * times,
        config.heads * times,
        config.feed_forward * times,
    ):
        raise ValueError(f"the widths of {target} are not a common multiple of those of {config}")
    generator = torch.Generator().manual_seed(seed)
    deeper = replace(config, tower_layers=target.tower_layers, cross_layers=target.cross_layers)
    deep = _shapes(deeper)
    _check_last_norms(config, weights)
    return {
        name: _wider(
            name, weights[name] if name in weights else _appended(name, deep[name], generator), shape, generator
        )
        for name, shape in _shapes(target).items()
    }


def _check_last_norms(config: ModelConfig, weights: Mapping[str, Tensor]) -> None:
    for stack, layers in zip(_STACKS, (config.tower_layers, config.cross_layers), strict=True):
        norm = f"{stack}.layer.{layers - 1}.output.LayerNorm"
        if not (torch.all(weights[f"{norm}.weight"] == 1) and torch.all(weights[f"{norm}.bias"] == 0)):
            raise ValueError(f"{norm} must have weight 1 and bias 0, or no layer after it passes its output through")


def _shapes(config: ModelConfig) -> dict[str, torch.Size]:
    with torch.device("meta"):
        return {name: value.shape for name, value in SiameseUIE(config).state_dict().items()}


def _appended(name: str, shape: torch.Size, generator: torch.Generator) -> Tensor:
    """A weight of a layer that passes its input through."""
    if "LayerNorm" in name:
        return torch.ones(shape) if name.endswith("weight") else torch.zeros(shape)
    layer = name.partition(".layer.")[2].partition(".")[2]
    if layer.startswith(_OUTPUTS) or name.endswith("bias"):
        return torch.zeros(shape)
    return NOISE * torch.randn(shape, generator=generator)


def _wider(name: str, value: Tensor, shape: torch.Size, generator: torch.Generator) -> Tensor:
    """One weight, tiled to its shape in the bigger model."""
    if name.endswith("_embeddings.weight"):
        tiled = value.repeat(1, shape[1] // value.shape[1])
        more = NOISE * torch.randn(shape[0] - len(value), shape[1], generator=generator)
        return torch.cat((tiled, more))
    if value.ndim == 1:
        return value.repeat(shape[0] // len(value))
    rows, columns = shape[0] // value.shape[0], shape[1] // value.shape[1]
    noise = NOISE * torch.randn(shape[0], columns, value.shape[1], generator=generator, dtype=torch.float64)
    noise -= noise.mean(dim=1, keepdim=True)
    return (value.double().repeat(rows, columns) / columns + noise.flatten(1)).float()
