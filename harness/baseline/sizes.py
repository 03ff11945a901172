"""The model's sizes: widths from the configuration, the split of the layers from the weights."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from harness.baseline.checkpoint import Checkpoint
from harness.baseline.config import FILE, check_config, read_config
from harness.baseline.model import ModelConfig
from harness.baseline.weights import read_weights
from harness.errors import CheckpointError

_LAYER = re.compile(r"(plm\.encoder|crossattention)\.layer\.([0-9]{1,9})\.")


def read_model_weights(directory: Path) -> tuple[ModelConfig, dict[str, Tensor]]:
    """The sizes and the weights of a checkpoint directory."""
    checkpoint = Checkpoint.open(directory)
    weights = read_weights(checkpoint)
    return model_config(read_config(checkpoint), weights, directory), weights


def model_config(config: Mapping[str, Any], weights: Iterable[str], source: Path) -> ModelConfig:
    """The sizes, from a configuration and the names of the weights.

    Args:
        config: the contents of config.json.
        weights: their names.
        source: the directory, for the error.

    Raises:
        CheckpointError: a size is missing or wrong, or the weights have other layers.
    """
    check_config(config, source / FILE)
    tower, cross = _count_layers(weights, source)
    if (layers := config["num_hidden_layers"]) != tower + cross:
        raise CheckpointError(
            f"{source}: config.json says num_hidden_layers = {layers}, the weights hold {tower} tower (plm.encoder) + "
            f"{cross} cross (crossattention) layers"
        )
    return ModelConfig(
        vocabulary=config["vocab_size"],
        hidden=config["hidden_size"],
        heads=config["num_attention_heads"],
        feed_forward=config["intermediate_size"],
        tower_layers=tower,
        cross_layers=cross,
        positions=config.get("max_position_embeddings", 512),
        token_types=config.get("type_vocab_size", 2),
        layer_norm_eps=float(config.get("layer_norm_eps", 1e-12)),
    )


def _count_layers(names: Iterable[str], source: Path) -> tuple[int, int]:
    counts = {"plm.encoder": 0, "crossattention": 0}
    for name in names:
        if match := _LAYER.match(name):
            counts[match[1]] = max(counts[match[1]], int(match[2]) + 1)
    for stack, count in counts.items():
        if not count:
            found = ", ".join(sorted(names)[:3])
            raise CheckpointError(
                f"{source} is not a SiameseUIE: its weights have no {stack}.layer.* (they begin with {found})"
            )
    return counts["plm.encoder"], counts["crossattention"]
