"""How a process comes up: from a checkpoint directory to an extractor on its device."""

from __future__ import annotations

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
from harness.baseline.sizes import model_config
from harness.baseline.slots import Batching, NodeByNode, Padding, PadToFixed, PadToLongest
from harness.baseline.tokenize import TextTokenizer, from_transformers, from_vocabulary
from harness.baseline.weights import check_fit, fill, read_weights
from harness.errors import InputError, PlatformError, unknown


@dataclass(frozen=True)
class Start:
    """A starting extractor: the slots before any optimization."""

    padding: Padding
    batching: Batching


# Source of the stock row: the reference pads a single window not at all and several to 384 each, which is what padding
# to the longest comes to, and it takes at most 8 prompts a forward.
STARTS = {"baseline": Start(PadToFixed(), NodeByNode()), "stock": Start(PadToLongest(), NodeByNode(prompts=8))}


@dataclass(frozen=True)
class LoadPlan:
    """What an optimization of the stage LOAD may change: how each part is read."""

    checkpoint: Checkpoint
    device: torch.device
    start: Start
    read_tokenizer: Callable[[Path], TextTokenizer]
    read_config: Callable[[Checkpoint], dict[str, Any]]
    read_model: Callable[[Checkpoint, dict[str, Any]], SiameseUIE]
    imports: tuple[str, ...] = ()  # modules that reading needs, beside those of the plain start-up

    def load(self) -> Extractor:
        """Read everything and put it on the device."""
        tokenizer = self.read_tokenizer(self.checkpoint.directory)
        config = self.read_config(self.checkpoint)
        model = self.read_model(self.checkpoint, config).eval().requires_grad_(requires_grad=False).to(self.device)
        return Extractor(model, tokenizer, Forwards.of(model), self.start.padding, self.start.batching, self.device)


def stock_plan(checkpoint: Path | str, *, device: str, start: str) -> LoadPlan:
    """The reference service's start-up: transformers for tokenizer and configuration, a random model filled."""
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
        PlatformError: it is no device this tool knows, or not there.
    """
    try:
        chosen = torch.device(device)
    except RuntimeError:
        raise PlatformError(f"{device!r} is no device; use cpu, cuda or cuda:N") from None
    if chosen.type not in ("cpu", "cuda"):
        raise PlatformError(f"device {device!r} is not supported; use cpu, cuda or cuda:N")
    if chosen.type == "cuda":
        if not torch.cuda.is_available():
            built = f"built for CUDA {torch.version.cuda}" if torch.version.cuda else "a build without CUDA"
            raise PlatformError(f"device {device!r}: torch {torch.__version__} sees no CUDA device ({built}); use cpu")
        if (chosen.index or 0) >= torch.cuda.device_count():
            raise PlatformError(f"device {device!r}: there are {torch.cuda.device_count()} CUDA devices, from cuda:0")
    return chosen


def _adopt(checkpoint: Checkpoint, config: dict[str, Any]) -> SiameseUIE:
    return adopt(checkpoint, config, torch.device("cpu"))


def _fill_random_model(checkpoint: Checkpoint, config: dict[str, Any]) -> SiameseUIE:
    weights = read_weights(checkpoint)
    sizes = model_config(config, weights, checkpoint.directory)
    with torch.device("meta"):  # before memory is taken for whatever the configuration says
        check_fit(SiameseUIE(sizes), weights, checkpoint.weights)
    model = SiameseUIE(sizes)
    fill(model, weights, checkpoint.weights)
    return model


def adopt(checkpoint: Checkpoint, config: dict[str, Any], device: torch.device) -> SiameseUIE:
    """A model that takes the checkpoint's tensors as they are read, onto the device where the file allows it."""
    weights = {
        name: value.float() if value.is_floating_point() else value
        for name, value in read_weights(checkpoint, device).items()
    }
    with torch.device("meta"):
        model = SiameseUIE(model_config(config, weights, checkpoint.directory))
    fill(model, weights, checkpoint.weights, assign=True)
    return model
