"""SiameseUIE in plain PyTorch, with the reference checkpoints' parameter names.

Post-LayerNorm BERT with erf-GELU. Text and prompt go through the two-tower layers (`plm.encoder`) separately.
Concatenated, they go through the cross layers (`crossattention`), and two linear heads score each text token as the
head or the tail of a span. (Source: iic/nlp_structbert_siamese-uie_chinese-base and its ModelScope pipeline.)

Shapes in the comments: B rows, T tokens, H hidden size, N attention heads, D = H / N.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# An attention kernel: (query, key, value, the result of `Ops.masking` or None for all keys) -> context.
# query, context: (B, N, Q, D); key, value: (B, N, T, D). The queries are of the first Q of T tokens.
AttentionKernel: TypeAlias = Callable[[Tensor, Tensor, Tensor, Any], Tensor]
# Makes a kernel's mask, once for all layers of a stack: (bool (B, T), dtype of the hidden states) -> anything.
Masking: TypeAlias = Callable[[Tensor, torch.dtype], Any]


@dataclass(frozen=True)
class ModelConfig:
    """The sizes of a SiameseUIE model."""

    vocabulary: int
    hidden: int
    heads: int
    feed_forward: int
    tower_layers: int
    cross_layers: int
    positions: int = 512
    token_types: int = 2
    layer_norm_eps: float = 1e-12


def additive(kept: Tensor, dtype: torch.dtype) -> Tensor:
    """A mask that is added to the scores: 0 for a key that is kept, the lowest number for others. (B, 1, 1, T).

    The reference makes it once per stack too.
    """
    lowest = torch.full_like(kept, torch.finfo(dtype).min, dtype=dtype)
    return lowest.masked_fill(kept, 0)[:, None, None, :]


def eager_attention(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
    """Attention written out: the whole score matrix, a softmax, a product. The baseline's; masks are `additive`."""
    scores = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5  # (B, N, T, T)
    if mask is not None:
        scores = scores + mask
    context: Tensor = scores.softmax(dim=-1) @ value
    return context


def whole_feed_forward(layer: Layer, attended: Tensor) -> Tensor:
    """A layer's feed-forward block on all tokens at once. (B, T, H) -> (B, T, H)."""
    output: Tensor = layer.output(layer.intermediate(attended), attended)
    return output


# How a layer's feed-forward block is computed: (layer, attended (B, T, H)) -> (B, T, H)
FeedForward: TypeAlias = "Callable[[Layer, Tensor], Tensor]"


@dataclass(frozen=True)
class Ops:
    """How the parts of the model are computed."""

    attention: AttentionKernel = eager_attention
    masking: Masking = additive
    feed_forward: FeedForward = whole_feed_forward
    # Whether the towers compute the first cross layer's projections: once per text or prompt, not once per pair.
    projects_ahead: bool = False
    # Whether the last cross layer computes only the text's tokens; the classifiers read no others.
    last_for_text: bool = False
    # Whether the model's own forwards get no mask if nothing is padded.
    masks_padding_alone: bool = False


class Embedding(nn.Embedding):
    """PyTorch's, not initialized on the meta device: random numbers there import the compiler (0.7 s)."""

    def reset_parameters(self) -> None:
        """Random weights, unless on the meta device."""
        if not self.weight.is_meta:
            super().reset_parameters()


class Embeddings(nn.Module):
    """Word, position and token-type embeddings, summed and normalised."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.word_embeddings = Embedding(config.vocabulary, config.hidden)
        self.position_embeddings = Embedding(config.positions, config.hidden)
        self.token_type_embeddings = Embedding(config.token_types, config.hidden)
        self.LayerNorm = nn.LayerNorm(config.hidden, eps=config.layer_norm_eps)

    def forward(self, ids: Tensor, positions: Tensor, token_type: int | Tensor) -> Tensor:
        """ids, positions: (B, T) -> (B, T, H)."""
        types = self.token_type_embeddings.weight[token_type]
        summed = self.word_embeddings(ids) + types + self.position_embeddings(positions)
        normalised: Tensor = self.LayerNorm(summed)
        return normalised


class SelfAttention(nn.Module):
    """Queries, keys and values of every head."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.query = nn.Linear(config.hidden, config.hidden)
        self.key = nn.Linear(config.hidden, config.hidden)
        self.value = nn.Linear(config.hidden, config.hidden)

    @property
    def products(self) -> tuple[nn.Module, ...]:
        """The projections."""
        return self.query, self.key, self.value

    @property
    def width(self) -> int:
        """N * D."""
        return self.value.out_features

    def project(self, hidden: Tensor) -> tuple[Tensor, ...]:
        """hidden: (B, T, H) -> query, key and value, each (B, T, N * D)."""
        return self.query(hidden), self.key(hidden), self.value(hidden)

    def forward(self, projected: Sequence[Tensor], mask: Tensor | None, ops: Ops) -> Tensor:
        """query: (B, Q, N * D), key, value: (B, T, N * D) -> (B, Q, N * D)."""
        query, key, value = (
            one.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # type: ignore[no-untyped-call]  # (B, N, T, D)
            for one in projected
        )
        return ops.attention(query, key, value, mask).transpose(1, 2).flatten(-2)


class AddAndNorm(nn.Module):
    """A projection, the residual, LayerNorm."""

    def __init__(self, inputs: int, config: ModelConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(inputs, config.hidden)
        self.LayerNorm = nn.LayerNorm(config.hidden, eps=config.layer_norm_eps)

    def forward(self, hidden: Tensor, residual: Tensor) -> Tensor:
        """hidden: (B, T, inputs), residual: (B, T, H) -> (B, T, H)."""
        normalised: Tensor = self.LayerNorm(self.dense(hidden) + residual)
        return normalised


class Attention(nn.Module):
    """Self-attention with its output projection."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.self = SelfAttention(config)
        self.output = AddAndNorm(config.hidden, config)

    def forward(self, projected: Sequence[Tensor], hidden: Tensor, mask: Tensor | None, ops: Ops) -> Tensor:
        """projected: as in `SelfAttention`, hidden: (B, Q, H) -> (B, Q, H)."""
        attended: Tensor = self.output(self.self(projected, mask, ops), hidden)
        return attended


class Intermediate(nn.Module):
    """The widening half of the feed-forward block."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden, config.feed_forward)

    def forward(self, hidden: Tensor) -> Tensor:
        """hidden: (B, T, H) -> (B, T, feed_forward)."""
        return F.gelu(self.dense(hidden))


class Layer(nn.Module):
    """One transformer layer."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.attention = Attention(config)
        self.intermediate = Intermediate(config)
        self.output = AddAndNorm(config.feed_forward, config)

    def forward(
        self, hidden: Tensor, mask: Tensor | None, ops: Ops, projected: Sequence[Tensor] | None = None
    ) -> Tensor:
        """hidden: (B, Q, H), projected: query, key and value if already computed -> (B, Q, H).

        Keys and values may be of more tokens than the queries; the queries are of the tokens of `hidden`.
        """
        attended = self.attention(projected or self.project(hidden), hidden, mask, ops)
        return ops.feed_forward(self, attended)

    def project(self, hidden: Tensor) -> tuple[Tensor, ...]:
        """As :meth:`SelfAttention.project`."""
        inside: SelfAttention = self.attention.self
        return inside.project(hidden)


class Stack(nn.Module):
    """Layers one after another."""

    def __init__(self, layers: int, config: ModelConfig) -> None:
        super().__init__()
        self.layer = nn.ModuleList(Layer(config) for _ in range(layers))

    def forward(
        self,
        hidden: Tensor,
        mask: Tensor | None,
        ops: Ops,
        projected: Sequence[Tensor] | None = None,
        wanted: int | None = None,
    ) -> Tensor:
        """hidden: (B, T, H), mask: for the attention kernel -> (B, T, H), or (B, wanted, H) for the first tokens.

        projected: the first layer's query, key and value if already computed, each (B, T, N * D).
        """
        layers: list[Any] = list(self.layer)
        *before, last = layers
        for layer in before:
            hidden, projected = layer(hidden, mask, ops, projected), None
        if wanted is not None:
            query, key, value = projected or last.project(hidden)
            hidden, projected = hidden[:, :wanted], (query[:, :wanted], key, value)
        final: Tensor = last(hidden, mask, ops, projected)
        return final


class Encoder(nn.Module):
    """Embeddings and the tower layers, shared by text and prompt."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.embeddings = Embeddings(config)
        self.encoder = Stack(config.tower_layers, config)


class SiameseUIE(nn.Module):
    """The whole model; its three forward callables are what optimizations trace, compile or capture."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.ops = Ops()
        self.plm = Encoder(config)
        self.crossattention = Stack(config.cross_layers, config)
        self.head_clsf = nn.Linear(config.hidden, 1)
        self.tail_clsf = nn.Linear(config.hidden, 1)

    def with_ops(self, ops: Ops) -> SiameseUIE:
        """A model that shares every weight with this one and computes its layers by other operators."""
        twin = copy.copy(self)
        twin.ops = ops
        return twin

    def twin(self) -> SiameseUIE:
        """A model with modules of its own, which may be changed or replaced; it shares this one's weights."""
        shared = (*self.parameters(), *self.buffers(), self.ops)
        return copy.deepcopy(self, {id(one): one for one in shared})

    def encode_text(self, ids: Tensor, mask: Tensor | None) -> Tensor:
        """ids: (B, T), mask: bool (B, T), False on padding -> (B, T, H), or wider with `Ops.projects_ahead`.

        A mask of None means that nothing is padded, here and in the other two; a graph made of them always needs one.
        """
        return self.tower(ids, mask, self.text_positions(ids), 0)

    def encode_prompt(self, ids: Tensor, mask: Tensor | None, starts: Tensor) -> Tensor:
        """ids: (B, T), mask: bool (B, T), starts: (B) first position id of each row -> as `encode_text`."""
        return self.tower(ids, mask, self.prompt_positions(ids, starts), 1)

    def text_positions(self, ids: Tensor) -> Tensor:
        """ids: (B, T) -> position ids (B, T)."""
        return torch.arange(ids.shape[1], device=ids.device).expand_as(ids)

    def prompt_positions(self, ids: Tensor, starts: Tensor) -> Tensor:
        """ids: (B, T), starts: (B) -> position ids (B, T).

        Padding may exceed the last position; it is masked, so any position is fine for it.
        """
        steps = torch.arange(ids.shape[1], device=ids.device)
        return (starts[:, None] + steps).clamp(max=self.config.positions - 1)

    def tower(self, ids: Tensor, mask: Tensor | None, positions: Tensor, token_type: int | Tensor) -> Tensor:
        """ids, positions: (B, T), mask: bool (B, T), token_type: 0 for texts, 1 for prompts -> as `encode_text`."""
        hidden = self.plm.embeddings(ids, positions, token_type)
        encoded: Tensor = self.plm.encoder(hidden, self._masked(mask, hidden), self.ops)
        if not self.ops.projects_ahead:
            return encoded
        first: Any = self.crossattention.layer[0]
        return torch.cat((encoded, *first.project(encoded)), dim=-1)

    def cross(self, text: Tensor, text_mask: Tensor | None, prompt: Tensor, prompt_mask: Tensor | None) -> Tensor:
        """Score each text token under the prompt of its row.

        text: (B, T, H), text_mask: bool (B, T), prompt: (B, P, H), prompt_mask: bool (B, P) -> (B, 2, T), head and
        tail logits. Text and prompt are the towers' outputs: (B, T, H + 3 * N * D) with `Ops.projects_ahead`. Either
        both masks are None or neither is.
        """
        hidden = torch.cat((text, prompt), dim=1)  # (B, T + P, H), or as wide as the towers' output
        masks = [one for one in (text_mask, prompt_mask) if one is not None]
        mask = self._masked(torch.cat(masks, dim=1) if masks else None, hidden)
        known: dict[str, Any] = {"wanted": text.shape[1]} if self.ops.last_for_text else {}
        if self.ops.projects_ahead:
            width = self.config.hidden
            hidden, known["projected"] = hidden[..., :width], hidden[..., width:].chunk(3, dim=-1)
        hidden = self.crossattention(hidden, mask, self.ops, **known)[:, : text.shape[1]]
        return torch.cat((self.head_clsf(hidden), self.tail_clsf(hidden)), dim=-1).transpose(1, 2)

    def _masked(self, kept: Tensor | None, hidden: Tensor) -> Any:
        """The mask as the attention kernel takes it."""
        return None if kept is None else self.ops.masking(kept, hidden.dtype)
