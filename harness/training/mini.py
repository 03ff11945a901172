"""The embedded checkpoint ``mini``: made by one command, from one seed."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from harness.baseline.checkpoint import SAFETENSORS
from harness.baseline.model import AddAndNorm, ModelConfig, SelfAttention, SiameseUIE
from harness.baseline.save import save
from harness.baseline.tokenize import from_vocabulary
from harness.resources import resource
from harness.training.corpus import read_domains
from harness.training.loop import Recipe, train

STATE = "training.pt"
LAYERS = 2  # of each stack
PLACES = 32  # of the hidden size are kept for where a token stands, the others for what it is
PERIODS = (5, 1000)  # tokens, of the fastest and the slowest wave of a position
WAVE = 0.06  # a position's share of an embedding
BRANCH = 0.3  # what a layer adds at first, as a share of BERT's
NEAR, SAME = 2.0, 1.5  # how sharply a head looks at what stands near, and at the same token


def make(directory: Path, recipe: Recipe, on_block: Callable[[int, float], None]) -> None:
    """Train ``mini`` into a checkpoint directory; goes on from the state there, if an earlier call was interrupted.

    Raises:
        InputError: no training texts are here, or the state is of another recipe.
    """
    vocabulary = resource("mini") / "vocab.txt"
    tokens = vocabulary.read_text(encoding="utf-8").splitlines()
    domains, tokenizer = read_domains(), from_vocabulary(vocabulary.parent)
    model = fresh(len(tokens), recipe.seed)
    directory.mkdir(parents=True, exist_ok=True)
    train(model, domains, tokenizer, recipe, directory / STATE, on_block)
    save(directory, model.config, model.state_dict(), tokens, file=SAFETENSORS)
    (directory / STATE).unlink()


def fresh(vocabulary: int, seed: int) -> SiameseUIE:
    """A model of mini's sizes with fresh weights; BERT's narrow ones learn slowly at a hidden size this small."""
    torch.manual_seed(seed)
    model = SiameseUIE(
        ModelConfig(vocabulary, hidden=128, heads=2, feed_forward=512, tower_layers=LAYERS, cross_layers=LAYERS)
    )
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=module.weight.shape[1] ** -0.5)
        if isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)
    _look_near_and_for_the_same(model)
    # The last layer of a stack ends in a LayerNorm without weight and bias, so that layers that change nothing can be
    # put after it (see harness.baseline.widen).
    lasts = (f"{stack}.layer.{LAYERS - 1}.output.LayerNorm" for stack in ("plm.encoder", "crossattention"))
    for norm in lasts:
        model.get_submodule(norm).requires_grad_(requires_grad=False)
    return model


def _look_near_and_for_the_same(model: SiameseUIE) -> None:
    """Start with what pre-training teaches BERT, and what a training as short as this one does not find out by itself.

    A nested prompt names its parent's span: the first head of the first cross layer starts by attending to the same
    token elsewhere, so that it finds the span in the text. What belongs to it stands near: the second head of every
    layer starts by attending to near positions. (Attention that starts as what training tends to: Trockman and Kolter,
    2023, arXiv 2305.09828; waves: Vaswani et al., 2017, arXiv 1706.03762.)
    """
    embeddings, hidden, head = model.plm.embeddings, model.config.hidden, model.config.hidden // model.config.heads
    periods = torch.logspace(math.log10(PERIODS[0]), math.log10(PERIODS[1]), PLACES // 2)
    angles = torch.arange(model.config.positions)[:, None] * (2 * math.pi / periods)
    waves = torch.cat((angles.sin(), angles.cos()), dim=1)
    places = torch.zeros(head, hidden)
    places[:PLACES, :PLACES] = NEAR * torch.eye(PLACES)
    same = torch.randn(head, hidden) * SAME * hidden**-0.5
    same[:, :PLACES] = 0
    with torch.no_grad():
        embeddings.word_embeddings.weight[:, :PLACES] = 0
        embeddings.token_type_embeddings.weight.mul_(BRANCH)[:, :PLACES] = 0
        embeddings.position_embeddings.weight.zero_()[:, :PLACES] = WAVE * waves
        for module in model.modules():
            if isinstance(module, AddAndNorm):
                module.dense.weight.mul_(BRANCH)[:PLACES] = 0
            if isinstance(module, SelfAttention):
                for projection in (module.query, module.key):
                    projection.weight[head:].mul_(0.1).add_(places)
        for name in ("query", "key"):
            model.get_parameter(f"crossattention.layer.0.attention.self.{name}.weight")[:head] = same
