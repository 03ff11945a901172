"""A forward in segments, so that less memory is in use at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from harness.plugin import Evidence, InputError, Probe, Stage, optimization

if TYPE_CHECKING:
    from torch import Tensor

    from harness.baseline.model import Layer
    from harness.plugin import Extractor

_LONGEST = 2  # texts that are enough to see the biggest output, where it is cut; a profile is slow to read


@dataclass(frozen=True)
class TokenBudget:
    """The slot ``micro_batches``: at most a number of padded tokens goes through the model at once."""

    tokens: int
    segment: int  # tokens of all its rows in a feed-forward block, at most; the layers see to it

    def sizes(self, rows: int, tokens: int, /) -> list[int]:
        """As many rows at a time as fit, at least one; what is left over comes last."""
        most = max(1, self.tokens // tokens)
        full, rest = divmod(rows, most)
        return [most] * full + [rest] * (rest > 0)


def largest_block(probe: Probe) -> Evidence:
    """Profile the biggest output of a linear layer, which is a feed-forward block's, as it is and with layers uncut.

    It is what the calls allocate, not what their inputs look like: TorchScript tells no shapes, and fuses what follows.
    The longest texts make it. Micro-batches alone make it smaller, so the layers are held against uncut ones in the
    same micro-batches: where these give more than a segment holds, ours must give less.
    """
    from harness.baseline.model import Ops
    from harness.baseline.slots import WholeBatch

    extractor, slot = probe.extractor, probe.extractor.micro_batches
    asked = sorted(zip(probe.texts, probe.schemas, strict=True), key=lambda one: len(one[0]), reverse=True)

    def largest(count: int | None, one: Extractor) -> int:
        return _largest_product(
            Probe(one, [text for text, _ in asked[:count]], [schema for _, schema in asked[:count]])
        )

    uncut = extractor.with_ops(replace(extractor.model.ops, feed_forward=Ops().feed_forward))
    most = _segment_bytes(extractor)
    # Where nothing of these is to be cut, it takes all texts in one batch to see anything.
    count = _LONGEST if largest(_LONGEST, uncut) > most else None
    ours, by_rows, theirs = (
        largest(count, one) for one in (extractor, uncut, replace(uncut, micro_batches=WholeBatch()))
    )
    would_be_cut = isinstance(slot, TokenBudget) and slot.segment < slot.tokens
    nothing_to_cut = by_rows <= most and (ours < theirs or would_be_cut)
    return Evidence(
        optimization="segmented_forward",
        active=ours > 0 and isinstance(slot, TokenBudget) and (ours < by_rows or nothing_to_cut),
        summary=f"the biggest output of a linear layer: {ours / 2**20:.1f} MiB instead of {theirs / 2**20:.1f} MiB; by "
        f"micro-batches alone it would be {by_rows / 2**20:.1f} MiB, and {most / 2**20:.1f} MiB are not cut",
        figures={"bytes": ours, "bytes_unsegmented": theirs, "bytes_by_rows": by_rows, "bytes_not_cut": most},
    )


@optimization(Stage.MEMORY, exact=True, evidence=largest_block)
def segmented_forward(
    extractor: Extractor, *, tokens: int = 2048, feed_forward: int = 512, queries: int = 64
) -> Extractor:
    """Compute a forward in segments: few rows at a time, a big feed-forward block by tokens, attention by queries.

    Cheaper: the peak of the activations, which decides how long a text and how big a batch fit. The result is put
    together from the same numbers, so no answer changes. It does not make anything faster: many small products take
    longer than one big one, so what is small is not cut. It does not touch the memory of the weights. Another attention
    kernel than the baseline's is left as it is, since the fused ones never hold the score matrix.
    Source: Kitaev et al., 2020, arXiv 2001.04451 (chunked feed-forward); Rabe and Staats, 2021, arXiv 2112.05682
    (queries in blocks); step 5 of the guide, which detaches every third layer and saves nothing at inference.

    Args:
        extractor: the extractor to change.
        tokens: padded tokens of a micro-batch, at most; a longer row goes alone.
        feed_forward: tokens in a feed-forward block, at most, those of all rows together.
        queries: queries of a row in a block of attention.
    """
    import torch

    from harness.baseline.model import eager_attention

    for name, value in {"tokens": tokens, "feed_forward": feed_forward, "queries": queries}.items():
        if value < 1:
            raise InputError(f"segmented_forward: {name} is {value}; it must be at least 1")
    first: Any = extractor.model.plm.encoder.layer[0]
    attend, widen_and_narrow = _segments(getattr(first.intermediate.dense, "product", torch.nn.functional.linear))

    def attention(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
        return attend(query, key, value, mask, queries)

    def by_tokens(layer: Layer, attended: Tensor) -> Tensor:
        wide, narrow = layer.intermediate.dense, layer.output.dense
        narrowed = widen_and_narrow(attended, wide.weight, wide.bias, narrow.weight, narrow.bias, feed_forward)
        output: Tensor = layer.output.LayerNorm(narrowed + attended)
        return output

    ops = extractor.model.ops
    kernel = attention if ops.attention is eager_attention else ops.attention
    segmented = extractor.with_ops(replace(ops, attention=kernel, feed_forward=by_tokens))
    return replace(segmented, micro_batches=TokenBudget(tokens, feed_forward))


@cache
def _segments(
    linear: Callable[[Tensor, Tensor, Tensor], Tensor],
) -> tuple[Callable[..., Tensor], Callable[..., Tensor]]:
    """The two loops. Scripted where a trace is made: a trace alone would unroll them for the shape that it saw.

    Args:
        linear: the product of a linear layer with these weights and this bias.
    """
    import torch
    import torch.nn.functional as F

    def attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, rows: int) -> Tensor:
        blocks: list[Tensor] = []
        for block in torch.split(query, rows, dim=2):
            scores = block @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
            if mask is not None:
                scores = scores + mask
            blocks.append(scores.softmax(dim=-1) @ value)
        return torch.cat(blocks, dim=2)

    def feed_forward(
        hidden: Tensor, wide: Tensor, wide_bias: Tensor, narrow: Tensor, narrow_bias: Tensor, most: int
    ) -> Tensor:
        flat = hidden.flatten(0, 1)
        count = (flat.shape[0] + most - 1) // most
        blocks = [
            linear(F.gelu(linear(block, wide, wide_bias)), narrow, narrow_bias)
            for block in torch.tensor_split(flat, count)
        ]
        together = blocks[0] if len(blocks) == 1 else torch.cat(blocks)
        return together.view(hidden.shape)

    scripted: Any = torch.jit.script_if_tracing
    return scripted(attend), scripted(feed_forward)


def _segment_bytes(extractor: Extractor) -> int:
    """Bytes of the widest feed-forward activation of a segment; 0 without segments."""
    if not isinstance(extractor.micro_batches, TokenBudget):
        return 0
    layers = (*extractor.model.plm.encoder.layer, *extractor.model.crossattention.layer)
    wide = [layer.intermediate.dense for layer in layers]
    return extractor.micro_batches.segment * max(int(one.out_features * one.weight.element_size()) for one in wide)


def _largest_product(probe: Probe) -> int:
    """Bytes of the biggest output of a linear layer; 0 where no product was seen."""
    return max((product.allocated_bytes for product in probe.products()), default=0)
