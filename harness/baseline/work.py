"""The work of the model's forwards, as their shapes state it.

Operations are those of the matrix products (projections, attention scores and context, feed-forward blocks,
classifiers); element-wise work is left out, as is usual. Bytes are what any implementation has to move: the weights
once a forward, every layer's input and output once, and of the embeddings the rows that are looked up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from torch import Tensor

from harness.baseline.model import SiameseUIE
from harness.work import Work

NOTHING = Work(0, 0)
_TABLES = 2  # of embeddings that have a row a token: words and positions


def tower_work(model: SiameseUIE, lengths: Sequence[int]) -> Work:
    """Of one call of ``encode_text`` or ``encode_prompt``.

    Args:
        model: its layers' sizes count, not its configuration's.
        lengths: tokens of each row.
    """
    embedded = Work(0, (_TABLES + 1) * sum(lengths) * model.config.hidden * _item_bytes(model))  # read, and written
    return embedded + _layers(model.plm.encoder.layer, lengths, model)


def cross_work(model: SiameseUIE, text_lengths: Sequence[int], prompt_lengths: Sequence[int]) -> Work:
    """Of one call of ``cross``; the classifiers look at the text's tokens alone.

    Args:
        model: as in :func:`tower_work`.
        text_lengths: text tokens of each row.
        prompt_lengths: prompt tokens of each row.
    """
    together = [text + prompt for text, prompt in zip(text_lengths, prompt_lengths, strict=True)]
    heads = (model.head_clsf, model.tail_clsf)
    classified = Work(sum(2 * sum(text_lengths) * _weights(head) for head in heads), 0)
    return _layers(model.crossattention.layer, together, model) + classified


def _layers(layers: Iterable[Any], lengths: Sequence[int], model: SiameseUIE) -> Work:
    return sum((_layer(layer, lengths, model) for layer in layers), NOTHING)


def _layer(layer: Any, lengths: Sequence[int], model: SiameseUIE) -> Work:
    inside = layer.attention.self
    around = (layer.attention.output.dense, layer.intermediate.dense, layer.output.dense)
    weights = sum(_weights(linear) for linear in (*inside.products, *around))
    tokens = sum(lengths)
    attention = sum(4 * length**2 * inside.width for length in lengths)  # scores, then context
    moved = weights * _matrix(inside.products[0]).element_size() + 2 * tokens * model.config.hidden * _item_bytes(model)
    return Work(2 * tokens * weights + attention, moved)


def product_dtype(model: SiameseUIE) -> str:
    """What the linear layers multiply in: ``float32``, ``bfloat16``, ``int8``, ….

    They make nearly all operations of the model; attention's own products may be in another dtype.
    """
    layer: Any = model.plm.encoder.layer[0]
    return re.sub(r"torch\.q?", "", str(_matrix(layer.attention.self.products[0]).dtype))


def _matrix(linear: Any) -> Tensor:
    """Its weights; a quantized layer keeps them packed, and hands out a copy."""
    found: Tensor = linear.weight() if callable(linear.weight) else linear.weight
    return found


def _weights(linear: Any) -> int:
    return int(linear.in_features * linear.out_features)


def _item_bytes(model: SiameseUIE) -> int:
    return model.plm.embeddings.word_embeddings.weight.element_size()
