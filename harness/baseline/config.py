"""A checkpoint's ``config.json``, checked before anything is built from it."""

from __future__ import annotations

import json
import reprlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import CheckpointError, InputError, in_brief
from harness.textfile import read_text

if TYPE_CHECKING:
    from harness.baseline.checkpoint import Checkpoint

FILE = "config.json"
_LARGEST = 1 << 24  # far above any BERT's; the product of two does not overflow
# The allowed range of each size.
_NEEDED = {
    "vocab_size": (1, _LARGEST),
    "hidden_size": (1, _LARGEST),
    "num_attention_heads": (1, _LARGEST),
    "intermediate_size": (1, _LARGEST),
    "num_hidden_layers": (2, 1 << 10),  # of the towers and the cross layers; building more would take minutes
}
# Texts and prompts together take 384 + 128 positions, and each has its own token type.
_OPTIONAL = {
    "max_position_embeddings": (512, _LARGEST),
    "type_vocab_size": (2, _LARGEST),
    "num_labels": (0, 1 << 16),  # transformers makes a name for each, even for a tokenizer alone
}
MODEL_TYPE = "bert"
_KNOWN = {"hidden_act": "gelu", "model_type": MODEL_TYPE}


def read_config(checkpoint: Checkpoint) -> dict[str, Any]:
    """Read ``config.json`` without checking its values.

    Raises:
        CheckpointError: it is not a JSON object.
    """
    path = checkpoint.directory / FILE
    try:
        config = json.loads(read_text(path))
    except InputError as error:
        raise CheckpointError(str(error)) from None
    except (ValueError, OSError, RecursionError) as error:
        raise CheckpointError(f"{path} cannot be read as JSON: {in_brief(error)}") from None
    if not isinstance(config, dict):
        raise CheckpointError(f"{path} holds {type(config).__name__}, not an object with the model's sizes")
    return config


def read_config_by_transformers(checkpoint: Checkpoint) -> dict[str, Any]:
    """Read the configuration as the reference service does: by transformers' AutoConfig."""
    from transformers import AutoConfig

    from harness.baseline.readable import readable

    try:
        with readable(checkpoint.directory) as plain:
            found = AutoConfig.from_pretrained(str(plain), local_files_only=True, trust_remote_code=False)
        config: dict[str, Any] = found.to_dict()
    except Exception as error:  # the errors of transformers have no common base
        raise CheckpointError(f"{checkpoint.directory / FILE} is refused by transformers: {in_brief(error)}") from error
    return config


def check_config(config: Mapping[str, Any], path: Path) -> None:
    """Refuse sizes out of range, and models that are not a BERT.

    Raises:
        CheckpointError: a value is missing or not allowed; the message names it and what is allowed.
    """
    for name in _NEEDED:
        if name not in config:
            raise CheckpointError(f"{path}: missing or wrong value: {name} is not there")
    for name, (least, most) in (_NEEDED | _OPTIONAL).items():
        value = config.get(name, least)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise _wrong(path, name, value, f"a whole number from {least} to {most}")
    eps = config.get("layer_norm_eps", 1e-12)
    if not isinstance(eps, int | float) or isinstance(eps, bool) or not 0 < eps <= 1:
        raise _wrong(path, "layer_norm_eps", eps, "a number above 0, at most 1, like 1e-12")
    for name, known in _KNOWN.items():
        if config.get(name, known) != known:
            raise CheckpointError(f"{path}: {name} is {reprlib.repr(config[name])}; only {known!r} is known")
    hidden, heads = config["hidden_size"], config["num_attention_heads"]
    if hidden % heads:
        raise CheckpointError(f"{path}: hidden_size {hidden} is not a multiple of {heads} heads")


def _wrong(path: Path, name: str, value: object, allowed: str) -> CheckpointError:
    return CheckpointError(f"{path}: missing or wrong value: {name} is {reprlib.repr(value)}; it must be {allowed}")
