"""Checkpoint directories in ModelScope's layout."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from harness.baseline.model import ModelConfig, SiameseUIE
from harness.errors import CheckpointError

PICKLE = "pytorch_model.bin"
SAFETENSORS = "model.safetensors"
# In the published checkpoints, and used by nothing: the pooler, and the position ids that old transformers saved.
_UNUSED = re.compile(r"plm\.pooler\..*|plm\.embeddings\.position_ids")
_LAYER = re.compile(r"(plm\.encoder|crossattention)\.layer\.(\d+)\.")
_EXPECTED = f"a ModelScope SiameseUIE directory holds config.json, vocab.txt and {PICKLE} or {SAFETENSORS}"
_BY_NAME = "; of an embedded one, harness.embedded.checkpoints.find_checkpoint(NAME) gives it"
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
_SHOWN_KEYS = 8  # an error names this many keys, then counts the rest


@dataclass(frozen=True)
class Checkpoint:
    """A directory that was checked to hold a configuration, a vocabulary and weights."""

    directory: Path
    weights: Path

    @classmethod
    def open(cls, directory: Path | str) -> Checkpoint:
        """Check that ``directory`` has the files of a checkpoint, and that configuration and vocabulary can be read.

        Raises:
            CheckpointError: it does not exist, or a file is missing or unusable.
        """
        directory = Path(directory)
        if not directory.is_dir():
            raise CheckpointError(f"checkpoint directory {str(directory)!r} does not exist; {_EXPECTED}{_BY_NAME}")
        for name in ("config.json", "vocab.txt"):
            if not (directory / name).is_file():
                raise CheckpointError(f"checkpoint directory {str(directory)!r} has no {name}; {_EXPECTED}")
        for weights in (directory / PICKLE, directory / SAFETENSORS, *sorted(directory.glob("*.safetensors"))):
            if weights.is_file():
                opened = cls(directory, weights)
                _check_vocabulary(directory / "vocab.txt", read_config(opened))
                return opened
        raise CheckpointError(f"checkpoint directory {str(directory)!r} has no weights; {_EXPECTED}")


def _check_vocabulary(path: Path, config: Mapping[str, Any]) -> None:
    """Refuse a vocabulary that a tokenizer, or the model's embedding, would stumble over later."""
    try:
        tokens = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise CheckpointError(f"{path} is no UTF-8 text: {error}") from None
    if missing := [token for token in _SPECIAL if token not in tokens]:
        raise CheckpointError(f"{path} lacks {', '.join(missing)}, which BERT's tokenizer needs")
    size = config.get("vocab_size")
    if isinstance(size, int) and len(tokens) > size:
        raise CheckpointError(f"{path} has {len(tokens)} tokens, more than the vocab_size {size} of config.json")


def read_config(checkpoint: Checkpoint) -> dict[str, Any]:
    """Read ``config.json`` as it stands."""
    path = checkpoint.directory / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise CheckpointError(f"{path} cannot be read as JSON: {error}") from None
    if not isinstance(config, dict):
        raise CheckpointError(f"{path} holds {type(config).__name__}, not an object; {_EXPECTED}")
    return config


def read_config_by_transformers(checkpoint: Checkpoint) -> dict[str, Any]:
    """Read the configuration as the reference service does: by transformers' AutoConfig."""
    from transformers import AutoConfig

    try:
        config: dict[str, Any] = AutoConfig.from_pretrained(str(checkpoint.directory), local_files_only=True).to_dict()
    except Exception as error:  # transformers has no common base for what it refuses
        raise CheckpointError(f"{checkpoint.directory}/config.json is refused by transformers: {error}") from error
    return config


def read_weights(checkpoint: Checkpoint, device: torch.device | None = None) -> dict[str, Tensor]:
    """Read the weights as they are on disk; a pickle is never allowed to run code.

    Args:
        checkpoint: where they lie.
        device: where safetensors are read to; a pickle always comes to the host.
    """
    path = checkpoint.weights
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            weights: Any = load_file(path, device=str(device or "cpu"))
        else:
            weights = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # unpickling and zip errors have no common base
        raise CheckpointError(f"{path} cannot be read as weights ({type(error).__name__}: {error})") from error
    if not isinstance(weights, dict) or not all(isinstance(value, Tensor) for value in weights.values()):
        raise CheckpointError(f"{path} is no state dict (names to tensors); save it with model.state_dict()")
    return weights


def read_model_weights(directory: Path) -> tuple[ModelConfig, dict[str, Tensor]]:
    """The sizes and the weights of a checkpoint directory."""
    checkpoint = Checkpoint.open(directory)
    weights = read_weights(checkpoint)
    return model_config(read_config(checkpoint), weights, directory), weights


def model_config(config: Mapping[str, Any], weights: Mapping[str, Tensor], source: Path) -> ModelConfig:
    """The model's sizes: widths from the configuration, the split of the layers from the weights themselves."""
    tower, cross = _count_layers(weights, source)
    try:
        sizes = ModelConfig(
            vocabulary=int(config["vocab_size"]),
            hidden=int(config["hidden_size"]),
            heads=int(config["num_attention_heads"]),
            feed_forward=int(config["intermediate_size"]),
            tower_layers=tower,
            cross_layers=cross,
            positions=int(config.get("max_position_embeddings", 512)),
            token_types=int(config.get("type_vocab_size", 2)),
            layer_norm_eps=float(config.get("layer_norm_eps", 1e-12)),
        )
        layers = int(config["num_hidden_layers"])
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{source}/config.json: missing or wrong value: {error}") from None
    for name in ("vocab_size", "hidden_size", "num_attention_heads", "intermediate_size"):
        if int(config[name]) < 1:
            raise CheckpointError(f"{source}/config.json: {name} is {config[name]}; it must be at least 1")
    if layers != tower + cross:
        raise CheckpointError(
            f"{source}: config.json says num_hidden_layers = {layers}, the weights hold {tower} tower (plm.encoder) + "
            f"{cross} cross (crossattention) layers"
        )
    if config.get("hidden_act", "gelu") != "gelu":
        raise CheckpointError(f"{source}/config.json: hidden_act is {config['hidden_act']!r}; only 'gelu' is known")
    if config.get("model_type", "bert") != "bert":
        raise CheckpointError(f"{source}/config.json: model_type is {config['model_type']!r}; only 'bert' is known")
    if sizes.hidden % sizes.heads:
        raise CheckpointError(f"{source}/config.json: hidden_size {sizes.hidden} is no multiple of {sizes.heads} heads")
    return sizes


def _count_layers(weights: Mapping[str, Tensor], source: Path) -> tuple[int, int]:
    counts = {"plm.encoder": 0, "crossattention": 0}
    for name in weights:
        if match := _LAYER.match(name):
            counts[match[1]] = max(counts[match[1]], int(match[2]) + 1)
    for stack, count in counts.items():
        if not count:
            found = ", ".join(sorted(weights)[:3])
            raise CheckpointError(
                f"{source} is no SiameseUIE: its weights have no {stack}.layer.* (they begin with {found})"
            )
    return counts["plm.encoder"], counts["crossattention"]


def fill(model: SiameseUIE, weights: Mapping[str, Tensor], source: Path, *, assign: bool = False) -> None:
    """Put the weights into the model; every one must be there, with its name and shape.

    Args:
        model: the model to fill.
        weights: names to tensors; the unused pooler and position ids are passed over.
        source: the file they come from, for the error.
        assign: take the tensors themselves instead of copying them.

    Raises:
        CheckpointError: keys are missing, unexpected or of the wrong shape; it names them.
    """
    used = {name: value for name, value in weights.items() if not _UNUSED.fullmatch(name)}
    wanted = {name: value.shape for name, value in model.state_dict().items()}
    faults = [
        *_fault("missing", sorted(wanted.keys() - used.keys())),
        *_fault("unexpected", sorted(used.keys() - wanted.keys())),
        *_fault(
            "of the wrong shape",
            [
                f"{name} {tuple(used[name].shape)} instead of {tuple(shape)}"
                for name, shape in wanted.items()
                if name in used and used[name].shape != shape
            ],
        ),
    ]
    if faults:
        raise CheckpointError(f"{source} does not fit a SiameseUIE of config.json's sizes: {'; '.join(faults)}")
    model.load_state_dict(used, assign=assign)


def _fault(what: str, names: list[str]) -> list[str]:
    if not names:
        return []
    more = f" and {len(names) - _SHOWN_KEYS} more" if len(names) > _SHOWN_KEYS else ""
    return [f"{len(names)} {what}: {', '.join(names[:_SHOWN_KEYS])}{more}"]
