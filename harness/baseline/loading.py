"""Start-up: from a checkpoint directory to an extractor on its device."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from harness.baseline.checkpoint import Checkpoint
from harness.baseline.config import read_config, read_config_by_transformers
from harness.baseline.extractor import Extractor
from harness.baseline.forward import Forwards
from harness.baseline.model import SiameseUIE
from harness.baseline.precision import FULL, HALF_ON_CUDA, Precision, full_products
from harness.baseline.sizes import model_config
from harness.baseline.slots import (
    WHOLE_BATCH,
    Batching,
    EvenParts,
    MicroBatches,
    NodeByNode,
    Padding,
    PadToFixed,
    PadToLongest,
)
from harness.baseline.tokenize import TextTokenizer, from_transformers, from_vocabulary
from harness.baseline.weights import check_fit, fill, read_weights
from harness.errors import InputError, PlatformError, unknown

_TF32_OVERRIDE = "NVIDIA_TF32_OVERRIDE"


@dataclass(frozen=True)
class Start:
    """A starting extractor: the slots before any optimization, under their names in the extractor."""

    padding: Padding
    batching: Batching
    micro_batches: MicroBatches = WHOLE_BATCH
    precision: Precision = FULL
    shared: bool = True


# Source of stock: ModelScope's SiameseUIE pipeline. It encodes the text again at every schema node. A single window is
# not padded; several are padded to 384 each, which equals padding to the longest. Prompts are padded to the longest of
# their node. The windows of a text, and the (prompt, window) rows of a node (prompts outermost), go through the model
# in even parts. Each row has its own copy of the text's hidden states, and its prompt is encoded for it alone. On CUDA
# everything runs under autocast.
STARTS = {
    "baseline": Start(PadToFixed(), NodeByNode()),
    "plain": Start(PadToLongest(), NodeByNode(), micro_batches=EvenParts()),
    "stock": Start(PadToLongest(), NodeByNode(), EvenParts(), HALF_ON_CUDA, shared=False),
}


@dataclass(frozen=True)
class LoadPlan:
    """What an optimization of the stage LOAD may change: how each part is read."""

    checkpoint: Checkpoint
    device: torch.device
    start: Start
    read_tokenizer: Callable[[Path], TextTokenizer]
    read_config: Callable[[Checkpoint], dict[str, Any]]
    read_model: Callable[[Checkpoint, dict[str, Any]], SiameseUIE]
    imports: tuple[str, ...] = ()  # modules that reading needs, in addition to those of the plain start-up
    # Applied in order to the model right after it is read, however it is read.
    changes: tuple[Callable[[SiameseUIE], SiameseUIE], ...] = ()

    def load(self) -> Extractor:
        """Read everything and put it on the device; from then on the process multiplies fp32 in fp32."""
        full_products()
        tokenizer = self.read_tokenizer(self.checkpoint.directory)
        config = self.read_config(self.checkpoint)
        # Autocast caches its casts only of weights that require gradients, as the reference's do.
        casts = self.start.precision.half_dtype(self.device) is not None
        model = self.read_model(self.checkpoint, config)
        for change in self.changes:
            model = change(model)
        model = model.eval().requires_grad_(requires_grad=casts).to(self.device)
        return Extractor(model, tokenizer, Forwards.of(model), device=self.device, **vars(self.start))


def stock_plan(checkpoint: Path | str, *, device: str, start: str) -> LoadPlan:
    """The reference service's start-up: transformers for tokenizer and configuration; a random model is filled."""
    plan = _plan(checkpoint, device, start, from_transformers, read_config_by_transformers, _fill_random_model)
    return replace(plan, imports=("transformers",))


def plain_plan(checkpoint: Path | str, *, device: str, start: str) -> LoadPlan:
    """A start-up without transformers and without random weights."""
    return _plan(checkpoint, device, start, from_vocabulary, read_config, _adopt)


def _plan(
    checkpoint: Path | str,
    device: str,
    start: str,
    read_tokenizer: Callable[[Path], TextTokenizer],
    read_config: Callable[[Checkpoint], dict[str, Any]],
    read_model: Callable[[Checkpoint, dict[str, Any]], SiameseUIE],
) -> LoadPlan:
    if start not in STARTS:
        raise InputError(unknown("starting extractor", start, STARTS))
    opened = Checkpoint.open(checkpoint)
    return LoadPlan(opened, check_device(device), STARTS[start], read_tokenizer, read_config, read_model)


def check_device(device: str) -> torch.device:
    """The device of that name.

    Raises:
        PlatformError: it is not a supported device, does not exist, or a variable of the environment decides on TF32.
    """
    try:
        chosen = torch.device(device)
    except RuntimeError:
        raise PlatformError(f"{device!r} is not a device; use cpu, cuda or cuda:N") from None
    if chosen.type not in ("cpu", "cuda"):
        raise PlatformError(f"device {device!r} is not supported; use cpu, cuda or cuda:N")
    if chosen.type == "cuda":
        if not torch.cuda.is_available():
            built = f"built for CUDA {torch.version.cuda}" if torch.version.cuda else "a build without CUDA"
            raise PlatformError(f"device {device!r}: torch {torch.__version__} sees no CUDA device ({built}); use cpu")
        if (chosen.index or 0) >= torch.cuda.device_count():
            raise PlatformError(f"device {device!r}: there are {torch.cuda.device_count()} CUDA devices, from cuda:0")
        if (override := os.environ.get(_TF32_OVERRIDE)) is not None:
            raise PlatformError(
                f"device {device!r}: {_TF32_OVERRIDE}={override} decides how fp32 is multiplied, whatever a program "
                "says; unset it, and take the optimization tf32 where TF32 is wanted"
            )
    return chosen


def _adopt(checkpoint: Checkpoint, config: dict[str, Any]) -> SiameseUIE:
    return adopt(checkpoint, config, torch.device("cpu"))


def _fill_random_model(checkpoint: Checkpoint, config: dict[str, Any]) -> SiameseUIE:
    weights = read_weights(checkpoint)
    sizes = model_config(config, weights, checkpoint.directory)
    with torch.device("meta"):  # before memory is allocated for the configuration's sizes
        check_fit(SiameseUIE(sizes), weights, checkpoint.weights)
    model = SiameseUIE(sizes)
    fill(model, weights, checkpoint.weights)
    return model


def adopt(checkpoint: Checkpoint, config: dict[str, Any], device: torch.device) -> SiameseUIE:
    """A model that takes over the checkpoint's tensors, in fp32; safetensors are read directly to the device."""
    weights = {
        name: value.float() if value.is_floating_point() else value
        for name, value in read_weights(checkpoint, device).items()
    }
    with torch.device("meta"):
        model = SiameseUIE(model_config(config, weights, checkpoint.directory))
    fill(model, weights, checkpoint.weights, assign=True)
    return model
