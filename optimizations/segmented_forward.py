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

_LONGEST = 2  # texts that are enough to see the biggest output; a profile is slow to read


@dataclass(frozen=True)
class TokenBudget:
    """The slot ``micro_batches``: at most a number of padded tokens goes through the model at once."""

    tokens: int
    segment: int  # tokens of a row in a feed-forward block; the layers see to it

    def sizes(self, rows: int, tokens: int, /) -> list[int]:
        """As many rows at a time as fit, at least one; what is left over comes last."""
        most = max(1, self.tokens // tokens)
        full, rest = divmod(rows, most)
        return [most] * full + [rest] * (rest > 0)


def largest_block(probe: Probe) -> Evidence:
    """Profile the biggest output of a linear layer, which is a feed-forward block's, with the segments and without.

    It is what the calls allocate, not what their inputs look like: TorchScript tells no shapes, and fuses what follows.
    The longest texts make it. Since micro-batches alone make it smaller, one row of the longest of all is looked at by
    itself too: where it is longer than a segment, it has to be cut.
    """
    from harness.baseline.model import Ops
    from harness.baseline.slots import WholeBatch

    extractor = probe.extractor
    asked = sorted(zip(probe.texts, probe.schemas, strict=True), key=lambda one: len(one[0]), reverse=True)

    def longest(count: int | None) -> Probe:
        return Probe(extractor, [text for text, _ in asked[:count]], [schema for _, schema in asked[:count]])

    text, schema = asked[0]
    one_row = Probe(extractor, [text], [{max(schema, key=len): None}])
    unsegmented = replace(extractor.model.ops, feed_forward=Ops().feed_forward)
    whole = replace(extractor.with_ops(unsegmented), micro_batches=WholeBatch())
    row, uncut = (
        _largest_product(one_row, replace(one, micro_batches=TokenBudget(1, 1))) for one in (extractor, whole)
    )
    # Where no row is longer than a segment, it takes all texts in one batch to see anything.
    fits = uncut <= _segment_bytes(extractor)
    several = longest(None if fits else _LONGEST)
    ours, theirs = (_largest_product(several, one) for one in (extractor, whole))
    return Evidence(
        optimization="segmented_forward",
        active=0 < ours < theirs and (row < uncut or fits),
        summary=f"the biggest output of a linear layer: {ours / 2**20:.1f} MiB instead of {theirs / 2**20:.1f} MiB; "
        f"of one row {row / 2**20:.1f} MiB instead of {uncut / 2**20:.1f} MiB",
        figures={"bytes": ours, "bytes_unsegmented": theirs, "row_bytes": row, "row_bytes_unsegmented": uncut},
    )


@optimization(Stage.MEMORY, exact=True, evidence=largest_block)
def segmented_forward(
    extractor: Extractor, *, tokens: int = 2048, feed_forward: int = 64, queries: int = 64
) -> Extractor:
    """Compute a forward in segments: few rows at a time, the feed-forward block by tokens, attention by queries.

    Cheaper: the peak of the activations, which decides how long a text and how big a batch fit. The result is put
    together from the same numbers, so no answer changes. It does not make anything faster: many small products take
    longer than one big one. It does not touch the memory of the weights. Another attention kernel than the baseline's
    is left as it is, since the fused ones never hold the score matrix.
    Source: Kitaev et al., 2020, arXiv 2001.04451 (chunked feed-forward); Rabe and Staats, 2021, arXiv 2112.05682
    (queries in blocks); step 5 of the guide, which detaches every third layer and saves nothing at inference.

    Args:
        extractor: the extractor to change.
        tokens: padded tokens of a micro-batch, at most; a longer row goes alone.
        feed_forward: tokens of a row in a feed-forward block.
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
        # A script knows no torch.finfo.
        return attend(query, key, value, mask, queries, torch.finfo(query.dtype).min)

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

    def attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, rows: int, lowest: float) -> Tensor:
        blocks: list[Tensor] = []
        for block in torch.split(query, rows, dim=2):
            scores = block @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
            if mask is not None:
                scores = scores.masked_fill(~mask, lowest)
            blocks.append(scores.softmax(dim=-1) @ value)
        return torch.cat(blocks, dim=2)

    def feed_forward(
        hidden: Tensor, wide: Tensor, wide_bias: Tensor, narrow: Tensor, narrow_bias: Tensor, rows: int
    ) -> Tensor:
        blocks = [
            linear(F.gelu(linear(block, wide, wide_bias)), narrow, narrow_bias)
            for block in torch.split(hidden, rows, dim=1)
        ]
        return torch.cat(blocks, dim=1)

    scripted: Any = torch.jit.script_if_tracing
    return scripted(attend), scripted(feed_forward)


def _segment_bytes(extractor: Extractor) -> int:
    """Bytes of the widest feed-forward activation of one segment; 0 without segments."""
    if not isinstance(extractor.micro_batches, TokenBudget):
        return 0
    layers = (*extractor.model.plm.encoder.layer, *extractor.model.crossattention.layer)
    wide = [layer.intermediate.dense for layer in layers]
    return extractor.micro_batches.segment * max(int(one.out_features * one.weight.element_size()) for one in wide)


def _largest_product(probe: Probe, extractor: Extractor) -> int:
    """Bytes of the biggest output of a linear layer; 0 where no product was seen."""
    return max((product.allocated_bytes for product in probe.products(extractor)), default=0)
