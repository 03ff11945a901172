"""The weights that mini's training starts from: a way from a prompt to its parent's place in the text.

A nested prompt names its parent's span. Pre-training teaches BERT to find the same token elsewhere, and what stands
near it; a training as short as mini's does not find that out by itself, so it starts there. The first cross layer's
first head looks for the prompt's tokens in the text and marks them, the second one's second head tells the tokens near
a mark. (Attention that starts as what training tends to: Trockman and Kolter, 2023, arXiv 2305.09828; waves for
positions: Vaswani et al., 2017, arXiv 1706.03762.)
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from harness.baseline.model import AddAndNorm, SelfAttention, SiameseUIE

# What the first dimensions of the hidden size are kept for; the rest is free.
PLACE = slice(0, 32)  # where a token stands
KIND = slice(32, 36)  # whether it is the prompt's
FOUND = slice(36, 40)  # whether the prompt names it
NEAR = slice(40, 44)  # whether the prompt names one near it
SAME = slice(44, 92)  # which token it is
_MARKS = slice(KIND.start, SAME.start)
_KEPT = slice(KIND.start, SAME.stop)

PERIODS = (5, 1000)  # tokens, of the fastest and the slowest wave of a position
WAVE, MARK = 0.06, 0.3  # the size of a position and of the prompt's kind in an embedding
BRANCH = 0.3  # what a layer adds at first, as a share of BERT's
SHARP_NEAR, SHARP_SAME = 2.0, 1.4  # how sharply heads look near, and for the same token
FOUND_GAIN, NEAR_GAIN = 2.0, 3.0


def prime(model: SiameseUIE) -> None:
    """Write that way into fresh weights, in place, and hold the part of it that finds the prompt's tokens.

    Args:
        model: with two heads of hidden size 64, and weights that require gradients.
    """
    with torch.no_grad():
        _embed(model)
        _look_near(model)
        _find(model)
    _hold(model)


def _embed(model: SiameseUIE) -> None:
    embeddings = model.plm.embeddings
    periods = torch.logspace(math.log10(PERIODS[0]), math.log10(PERIODS[1]), _size(PLACE) // 2)
    angles = torch.arange(model.config.positions)[:, None] * (2 * math.pi / periods)
    embeddings.position_embeddings.weight.zero_()[:, PLACE] = WAVE * torch.cat((angles.sin(), angles.cos()), dim=1)
    embeddings.word_embeddings.weight[:, : SAME.start] = 0
    embeddings.token_type_embeddings.weight.mul_(BRANCH)[:, : SAME.stop] = 0
    embeddings.token_type_embeddings.weight[1, KIND] = MARK * torch.tensor([1.0, -1.0]).repeat(_size(KIND) // 2)


def _look_near(model: SiameseUIE) -> None:
    """The second head of every layer; what a layer adds leaves the kept dimensions alone."""
    for module in model.modules():
        if isinstance(module, AddAndNorm):
            module.dense.weight.mul_(BRANCH)[: SAME.stop] = 0
        if isinstance(module, SelfAttention):
            second = module.query.out_features // module.heads
            for projection in (module.query, module.key):
                projection.weight[second:].mul_(0.1)
                projection.weight[second : second + _size(PLACE), PLACE] += SHARP_NEAR * torch.eye(_size(PLACE))


def _find(model: SiameseUIE) -> None:
    """From the same token to a mark, and from a mark to what stands near it."""
    first = _attention(model, 0)
    head = first.query.out_features // first.heads
    for projection in (first.query, first.key):
        projection.weight[:head] = 0
        projection.weight[: _size(SAME), SAME] = SHARP_SAME * torch.eye(_size(SAME))
    _tell(model, 0, slice(0, _size(FOUND)), KIND, FOUND, FOUND_GAIN)
    _tell(model, 1, slice(head, head + _size(NEAR)), FOUND, NEAR, NEAR_GAIN)


def _tell(model: SiameseUIE, layer: int, rows: slice, told: slice, written: slice, gain: float) -> None:
    """A cross layer's head hands on some dimensions of what it looks at, through these rows of its values."""
    output = model.get_submodule(f"crossattention.layer.{layer}.attention.output.dense")
    assert isinstance(output, nn.Linear)
    values = _attention(model, layer).value
    values.weight[rows] = 0
    values.weight[rows, told] = torch.eye(_size(told))
    output.weight[written, rows] = gain * torch.eye(_size(written))


def _hold(model: SiameseUIE) -> None:
    """Training leaves alone what the search for the same token reads and writes; else it is lost in the first steps."""
    embeddings, first = model.plm.embeddings, _attention(model, 0)
    _still(embeddings.word_embeddings.weight, columns=_MARKS)
    for table in (embeddings.position_embeddings, embeddings.token_type_embeddings):
        _still(table.weight, columns=_KEPT)
    for name, module in model.named_modules():
        if name.startswith("plm.") and isinstance(module, nn.LayerNorm):
            _still(module.weight, _KEPT)
            _still(module.bias, _KEPT)
        if isinstance(module, AddAndNorm) and name.startswith(("plm.", "crossattention.layer.0.")):
            rows = _KEPT if name.startswith("plm.") else _MARKS
            _still(module.dense.weight, rows)
            _still(module.dense.bias, rows)
    head = slice(0, first.query.out_features // first.heads)
    for projection, rows in ((first.query, head), (first.key, head), (first.value, slice(0, _size(FOUND)))):
        _still(projection.weight, rows)
        _still(projection.bias, rows)


def _still(parameter: Tensor, rows: slice = slice(None), columns: slice | None = None) -> None:
    def without(gradient: Tensor) -> Tensor:
        gradient = gradient.clone()
        gradient[(rows, columns) if columns is not None else rows] = 0
        return gradient

    parameter.register_hook(without)  # type: ignore[no-untyped-call]


def _attention(model: SiameseUIE, layer: int) -> SelfAttention:
    found = model.get_submodule(f"crossattention.layer.{layer}.attention.self")
    assert isinstance(found, SelfAttention)
    return found


def _size(dimensions: slice) -> int:
    return int(dimensions.stop - dimensions.start)
