"""Mini's weights before training: what the heads look at."""

from __future__ import annotations

import torch
from torch import Tensor

from harness.baseline.model import Ops, eager_attention
from harness.training.mini import fresh

VOCABULARY = 1000
TEXT = torch.randperm(VOCABULARY, generator=torch.Generator().manual_seed(0))[:60][None]
FIRST, LAST = 20, 25  # of the text's tokens, named by the prompt


def attention_of_each_layer() -> list[Tensor]:
    """Text tower twice, prompt tower twice, cross layers twice: the attention of each head. (1, 2, T, T)."""
    seen: list[Tensor] = []

    def look(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
        seen.append((query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5).softmax(-1))
        return eager_attention(query, key, value, mask)

    model = fresh(VOCABULARY, seed=0).with_ops(Ops(attention=look))
    prompt = torch.cat((TEXT[:, :3], TEXT[:, FIRST:LAST]), dim=1)
    with torch.no_grad():
        text, text_mask = model.encode_text(TEXT, TEXT >= 0), TEXT >= 0
        start = torch.tensor([TEXT.shape[1]])
        model.cross(text, text_mask, model.encode_prompt(prompt, prompt >= 0, start), prompt >= 0)
    return seen


def test_one_head_of_every_layer_looks_at_what_stands_near() -> None:
    length = TEXT.shape[1]
    near = (torch.arange(length)[:, None] - torch.arange(length)).abs() <= 5
    layers = attention_of_each_layer()
    for attention in (layers[i][0, 1, :length, :length] for i in (0, 1, 4, 5)):
        assert ((attention * near).sum(-1) / attention.sum(-1)).mean() > 2 * near.float().mean()


def test_one_head_of_the_first_cross_layer_finds_the_prompts_tokens_in_the_text() -> None:
    attention = attention_of_each_layer()[4][0, 0]
    length = TEXT.shape[1]
    from_prompt = attention[length + 3 :, :length]  # of the tokens from FIRST to LAST
    assert from_prompt.argmax(-1).tolist() == list(range(FIRST, LAST))
    assert from_prompt.max(-1).values.min() > 5 / length
