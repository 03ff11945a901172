"""The work of the model's forwards, computed from their shapes.

Operations are counted for the matrix products (projections, attention scores and context, feed-forward blocks,
classifiers); element-wise work is left out, as is usual. Bytes are those that any implementation has to move: the
weights once per forward, every layer's input and output once, and the rows of the embeddings that are looked up.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from harness.baseline.model import SiameseUIE
from harness.work import Work

NOTHING = Work(0, 0)
_TABLES = 2  # embeddings with a row per token: words and positions


def tower_work(model: SiameseUIE, lengths: Sequence[int]) -> Work:
    """The work of one call of ``encode_text`` or ``encode_prompt``.

    Args:
        model: the sizes are taken from its layers, not from its configuration.
        lengths: tokens of each row.
    """
    embedded = Work(0, (_TABLES + 1) * sum(lengths) * model.config.hidden * _item_bytes(model))  # read, and written
    done = sum((_layer(layer, lengths, lengths, model) for layer in model.plm.encoder.layer), embedded)
    return done + _projections(model.crossattention.layer[0], lengths) if model.ops.projects_ahead else done


def cross_work(model: SiameseUIE, text_lengths: Sequence[int], prompt_lengths: Sequence[int]) -> Work:
    """The work of one call of ``cross``; the classifiers read only the text's tokens.

    Args:
        model: as in :func:`tower_work`.
        text_lengths: text tokens of each row.
        prompt_lengths: prompt tokens of each row.
    """
    together = [text + prompt for text, prompt in zip(text_lengths, prompt_lengths, strict=True)]
    *before, last = model.crossattention.layer
    done = _layer(last, text_lengths if model.ops.last_for_text else together, together, model)
    for layer in before:
        done += _layer(layer, together, together, model)
    if model.ops.projects_ahead:
        done -= _projections(model.crossattention.layer[0], together)
    heads = (model.head_clsf, model.tail_clsf)
    return done + Work(sum(2 * sum(text_lengths) * _weights(head) for head in heads), 0)


def _layer(layer: Any, asking: Sequence[int], lengths: Sequence[int], model: SiameseUIE) -> Work:
    """The work on rows of these lengths; ``asking`` of each row's tokens attend to all tokens of the row."""
    around = (layer.attention.output.dense, layer.intermediate.dense, layer.output.dense)
    weights = sum(_weights(linear) for linear in around)
    pairs = sum(some * length for some, length in zip(asking, lengths, strict=True))
    flops = 2 * sum(asking) * weights + 4 * pairs * layer.attention.self.width  # of attention: scores, then context
    hidden = (sum(asking) + sum(lengths)) * model.config.hidden * _item_bytes(model)
    return _projections(layer, lengths) + Work(flops, weights * _matrix(around[0]).element_size() + hidden)


def _projections(layer: Any, lengths: Sequence[int]) -> Work:
    """The work of a layer's query, key and value projections."""
    products = layer.attention.self.products
    weights = sum(_weights(linear) for linear in products)
    return Work(2 * sum(lengths) * weights, weights * _matrix(products[0]).element_size())


def product_dtype(model: SiameseUIE) -> str:
    """The dtype in which the linear layers multiply: ``float32``, ``bfloat16``, ``int8``, ….

    They do nearly all of the model's operations; attention's own products may be in another dtype.
    """
    layer: Any = model.plm.encoder.layer[0]
    return re.sub(r"torch\.q?", "", str(_matrix(layer.attention.self.products[0]).dtype))


def _matrix(linear: Any) -> Tensor:
    """The layer's weights; a quantized layer keeps them packed and returns a copy."""
    found: Tensor = linear.weight() if callable(linear.weight) else linear.weight
    return found


def _weights(linear: Any) -> int:
    return int(linear.in_features * linear.out_features)


def _item_bytes(model: SiameseUIE) -> int:
    return model.plm.embeddings.word_embeddings.weight.element_size()
