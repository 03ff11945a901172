"""Mini's weights before training: how a prompt's tokens are found in the text, and what stands near them."""

from __future__ import annotations

import torch
from torch import Tensor

from harness.baseline.model import Ops, SiameseUIE, eager_attention
from harness.training.mini import fresh
from harness.training.start import FOUND, NEAR, SAME

VOCABULARY = 1000
TEXT = torch.randperm(VOCABULARY, generator=torch.Generator().manual_seed(0))[:60][None]
SIGN = torch.tensor([1.0, -1.0, 1.0, -1.0])
FIRST, LAST = 20, 25  # of the text's tokens, named by the prompt


def attention_of_each_layer() -> list[Tensor]:
    """Text tower twice, prompt tower twice, cross layers twice: the attention of each head. (1, 2, T, T)."""
    seen: list[Tensor] = []

    def look(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
        seen.append((query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5).softmax(-1))
        return eager_attention(query, key, value, mask)

    with torch.no_grad():
        run(fresh(VOCABULARY, seed=0).with_ops(Ops(attention=look)))
    return seen


def run(model: SiameseUIE) -> Tensor:
    """Logits of the text under a prompt that names some of its tokens. (1, 2, T)."""
    prompt = torch.cat((TEXT[:, :3], TEXT[:, FIRST:LAST]), dim=1)
    text = model.encode_text(TEXT, TEXT >= 0)
    encoded = model.encode_prompt(prompt, prompt >= 0, torch.tensor([TEXT.shape[1]]))
    return model.cross(text, TEXT >= 0, encoded, prompt >= 0)


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


def crossed() -> list[Tensor]:
    """What each cross layer gives for the text's tokens. (T, H)."""
    given: list[Tensor] = []
    model = fresh(VOCABULARY, seed=0)
    for i in (0, 1):
        layer = model.get_submodule(f"crossattention.layer.{i}")
        layer.register_forward_hook(lambda _module, _inputs, output: given.append(output[0, : TEXT.shape[1]]))
    with torch.no_grad():
        run(model)
    return given


def test_tokens_that_the_prompt_names_are_marked_and_what_stands_near_them_told() -> None:
    found, near = crossed()
    named = torch.zeros(TEXT.shape[1], dtype=torch.bool)
    named[FIRST:LAST] = True
    named[:3] = True  # the prompt begins with them
    mark = (found[:, FOUND] * SIGN).mean(-1)
    assert mark[named].min() > 2 * mark[~named].abs().max()
    told = (near[:, NEAR] * SIGN).mean(-1)
    beside, far = told[LAST : LAST + 3], told[LAST + 12 : LAST + 20]
    assert beside.min() > far.max()


def test_training_leaves_the_search_alone() -> None:
    model = fresh(VOCABULARY, seed=0)
    before = {name: value.clone() for name, value in model.named_parameters()}
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(3):
        optimizer.zero_grad()
        run(model).square().sum().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    after = dict(model.named_parameters())
    searching = "crossattention.layer.0.attention.self.query.weight"
    head = slice(0, 64)
    assert torch.equal(after[searching][head], before[searching][head])
    assert not torch.equal(after[searching][64:], before[searching][64:])
    tower = "plm.encoder.layer.0.output.dense.weight"
    assert after[tower][SAME].abs().max() == 0
    assert after[tower][SAME.stop :].abs().max() > 0
