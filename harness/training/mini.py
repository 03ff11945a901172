"""The embedded checkpoint ``mini``: made by one command, from one seed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from harness.baseline.checkpoint import SAFETENSORS
from harness.baseline.model import ModelConfig, SiameseUIE
from harness.baseline.save import save
from harness.baseline.tokenize import from_vocabulary
from harness.baseline.vocabulary import read_vocabulary
from harness.resources import resource
from harness.training.corpus import read_domains
from harness.training.loop import Recipe, train
from harness.training.start import prime

STATE = "training.pt"
LAYERS = 2  # of each stack


def make(directory: Path, recipe: Recipe, on_block: Callable[[int, float], None]) -> None:
    """Train ``mini`` into a checkpoint directory; goes on from the state there, if an earlier call was interrupted.

    Raises:
        InputError: no training texts are here, or the state is of another recipe.
    """
    vocabulary = resource("mini") / "vocab.txt"
    tokens = read_vocabulary(vocabulary)
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
    prime(model)
    # The last layer of a stack ends in a LayerNorm without weight and bias, so that layers that change nothing can be
    # put after it (see harness.baseline.widen).
    lasts = (f"{stack}.layer.{LAYERS - 1}.output.LayerNorm" for stack in ("plm.encoder", "crossattention"))
    for norm in lasts:
        model.get_submodule(norm).requires_grad_(requires_grad=False)
    return model
