"""Reads a checkpoint's weights: each is a plain tensor of finite numbers, under the model's name for it."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from harness.baseline.checkpoint import Checkpoint
from harness.baseline.model import SiameseUIE
from harness.errors import CheckpointError, in_brief

# Unused parts of the published checkpoints: the pooler, and the position ids that old transformers saved.
_UNUSED = re.compile(r"plm\.pooler\..*|plm\.embeddings\.position_ids")
# Other names with only one possible meaning: the prefix of parallel training, `bert` for the towers' model, and
# TensorFlow's names for a LayerNorm's weights.
_VARIANTS = (
    (re.compile(r"^module\."), ""),
    (re.compile(r"^bert\."), "plm."),
    (re.compile(r"(?<=LayerNorm\.)gamma$"), "weight"),
    (re.compile(r"(?<=LayerNorm\.)beta$"), "bias"),
)
_FLOATS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
_SHOWN_KEYS = 8  # an error names this many keys, then counts the rest


def read_weights(checkpoint: Checkpoint, device: torch.device | None = None) -> dict[str, Tensor]:
    """Read the weights; a pickle is never allowed to run code.

    Args:
        checkpoint: the checkpoint that has them.
        device: the device that safetensors are read to; a pickle is always read to the host.

    Raises:
        CheckpointError: the file cannot be read, or holds values that cannot be used as weights.
    """
    path = checkpoint.weights
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            found: Any = load_file(path, device=str(device or "cpu"))
        else:
            _refuse_compressed(path)
            found = torch.load(path, map_location="cpu", weights_only=True)
    except CheckpointError:
        raise
    except Exception as error:  # unpickling and zip errors have no common base
        raise CheckpointError(f"{path} cannot be read as weights ({type(error).__name__}: {_first(error)})") from error
    weights = _renamed(_state_dict(found, path), path)
    if faults := [f"{name} {fault}" for name, value in weights.items() if (fault := _fault_of(name, value))]:
        raise CheckpointError(f"{path} holds values that cannot be used as weights: {_listed(faults)}")
    return weights


def fill(model: SiameseUIE, weights: Mapping[str, Tensor], source: Path, *, assign: bool = False) -> None:
    """Put the weights into the model; every one must be there, with its name and shape.

    Args:
        model: the model to fill.
        weights: names to tensors; the unused pooler and position ids are ignored.
        source: the file they come from, for the error.
        assign: take the tensors themselves instead of copying them.

    Raises:
        CheckpointError: keys are missing, unexpected or of the wrong shape; it names them.
    """
    check_fit(model, weights, source)
    model.load_state_dict({name: weights[name] for name in model.state_dict()}, assign=assign)


def check_fit(model: SiameseUIE, weights: Mapping[str, Tensor], source: Path) -> None:
    """Refuse weights that do not match the model's names and shapes; the model may be on the meta device."""
    used = {name: value for name, value in weights.items() if not _UNUSED.fullmatch(name)}
    wanted = {name: value.shape for name, value in model.state_dict().items()}
    wrong = [
        f"{name} {tuple(used[name].shape)} instead of {tuple(shape)}"
        for name, shape in wanted.items()
        if name in used and used[name].shape != shape
    ]
    faults = {
        "missing": sorted(wanted.keys() - used.keys()),
        "unexpected": sorted(used.keys() - wanted.keys()),
        "of the wrong shape": wrong,
    }
    if said := [f"{len(names)} {what}: {_listed(names)}" for what, names in faults.items() if names]:
        raise CheckpointError(f"{source} does not fit a SiameseUIE of config.json's sizes: {'; '.join(said)}")


def _refuse_compressed(path: Path) -> None:
    """Refuse compressed zip files: torch writes none, and one may unpack to a thousand times its size."""
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
            raise CheckpointError(f"{path} cannot be read as weights: it is a compressed zip, not one of torch.save")


def _first(error: Exception) -> str:
    """A library's message, without torch's advice to trust the file."""
    said = str(error)
    found = re.search(r"WeightsUnpickler error: *(.+?)(?: was not an allowed global|\.? Please|$)", said, re.MULTILINE)
    if found:
        return f"{in_brief(found[1])}; what is more than tensors could run code: save model.state_dict() alone"
    return in_brief(error)


def _state_dict(found: Any, path: Path) -> dict[str, Tensor]:
    if not isinstance(found, dict):
        raise CheckpointError(f"{path} is not a state dict (names to tensors); save it with model.state_dict()")
    for key, value in found.items():
        said = in_brief(repr(key))
        if not isinstance(key, str):
            raise CheckpointError(f"{path} is not a state dict: its key {said} is not a name")
        if not isinstance(value, Tensor):
            within = f"; if that holds one, save it alone: torch.save(loaded[{said}], ...)" * isinstance(value, dict)
            raise CheckpointError(
                f"{path} is not a state dict (names to tensors): {said} is {type(value).__name__}; save it with "
                f"model.state_dict(){within}"
            )
    return found


def _renamed(found: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    weights: dict[str, Tensor] = {}
    names: dict[str, str] = {}
    for written, value in found.items():
        name = written
        for variant, meant in _VARIANTS:
            name = variant.sub(meant, name)
        if name in weights:
            twins = " and ".join(in_brief(repr(one)) for one in (names[name], written))
            raise CheckpointError(f"{path} holds {twins}, which are the same weight; keep one")
        weights[name], names[name] = value, written
    return weights


def _fault_of(name: str, value: Tensor) -> str | None:
    """Why a tensor cannot be used as weights; None if it can."""
    if value.is_meta:
        return "has a shape and no numbers (it was saved from the meta device)"
    if value.layout != torch.strided or value.is_nested:
        return "is sparse; save it dense"
    if value.is_quantized:
        return "is quantized; save the weights before quantization"
    if value.untyped_storage().nbytes() < value.numel() * value.element_size():
        return "is an expanded view of fewer numbers; save it contiguous"
    if _UNUSED.fullmatch(name):
        return None
    if value.dtype not in _FLOATS:
        return f"is of {str(value.dtype).removeprefix('torch.')}, not float32, float16, bfloat16 or float64"
    # A finite tensor usually takes one pass; the second check is for a sum that overflows.
    if not value.sum().isfinite() and not value.isfinite().all():
        return "holds NaN or infinite numbers"
    return None


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN_KEYS} more" if len(names) > _SHOWN_KEYS else ""
    return f"{', '.join(map(in_brief, names[:_SHOWN_KEYS]))}{more}"
