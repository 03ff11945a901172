"""Checkpoints written in ModelScope's layout."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from harness.baseline.checkpoint import PICKLE, SAFETENSORS
from harness.baseline.model import ModelConfig
from harness.baseline.vocabulary import write_vocabulary


def save(
    directory: Path, config: ModelConfig, weights: Mapping[str, Tensor], tokens: Sequence[str], *, file: str
) -> None:
    """Write a checkpoint directory that any loader of such checkpoints can read.

    Args:
        directory: created if it does not exist.
        config: the model's sizes.
        weights: its state dict.
        tokens: the vocabulary, in the order of their ids.
        file: ``pytorch_model.bin`` (a pickle, as published) or ``model.safetensors``.
    """
    directory.mkdir(parents=True, exist_ok=True)
    write_vocabulary(directory / "vocab.txt", tokens)
    (directory / "config.json").write_text(json.dumps(_config(config), indent=2) + "\n", encoding="utf-8")
    contiguous = {name: value.detach().contiguous().clone() for name, value in weights.items()}
    if file == SAFETENSORS:
        from safetensors.torch import save_file

        save_file(contiguous, directory / file)
    else:
        assert file == PICKLE, file
        torch.save(contiguous, directory / file)


def _config(config: ModelConfig) -> dict[str, Any]:
    return {
        "architectures": ["SiameseUieModel"],
        "model_type": "bert",
        "hidden_act": "gelu",
        "hidden_size": config.hidden,
        "intermediate_size": config.feed_forward,
        "layer_norm_eps": config.layer_norm_eps,
        "max_position_embeddings": config.positions,
        "num_attention_heads": config.heads,
        "num_hidden_layers": config.tower_layers + config.cross_layers,
        "type_vocab_size": config.token_types,
        "vocab_size": config.vocabulary,
    }
