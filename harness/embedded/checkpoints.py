"""``mini`` and ``base``: checkpoints by name, ready in the cache as ModelScope directories."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from harness.embedded.cache import cache_directory, cached
from harness.errors import InputError, UiebenchError, unknown
from harness.resources import resource

if TYPE_CHECKING:
    from torch import Tensor

    from harness.baseline.checkpoint import Checkpoint
    from harness.baseline.extractor import Extractor
    from harness.baseline.model import ModelConfig

# As published (a pickle), and as safetensors for a lean start-up. Both are in one entry of the cache.
MODELSCOPE, SAFETENSORS = "modelscope", "safetensors"
CHECKED_TEXTS = 8
TOLERANCE = 1e-4
_SHOWN = 200  # characters of a name in a message
_FORMAT = 1  # increase it when the same mini produces other files


def find_checkpoint(name: str) -> Path:
    """The directory of a checkpoint: ``mini``, ``base``, or a path.

    The embedded ones are made in the cache on first use; that takes some seconds for ``base``.

    Raises:
        InputError: there is no such name or directory, or the cache cannot be written.
    """
    if is_embedded(name):
        return embedded(name) / MODELSCOPE
    if _is_directory(name):
        return Path(name)
    if "/" in name:
        raise InputError(f"checkpoint directory {name!r} does not exist; name one, or {' or '.join(_MAKERS)}")
    raise InputError(f"{unknown('checkpoint', name, _MAKERS)}, and no directory {name!r} is here")


def _is_directory(name: str) -> bool:
    try:
        return Path(name).is_dir()
    except OSError as error:  # a name that is too long, a folder that may not be entered
        raise InputError(f"checkpoint directory {name[:_SHOWN]!r} cannot be read: {error.strerror}") from None


def embedded(name: str) -> Path:
    """The cache entry of an embedded checkpoint: folders ``modelscope`` and ``safetensors``."""
    return cached(made_from(name), _MAKERS[name])


def made_from(name: str) -> str:
    """The name of an embedded checkpoint with a hash of its sources.

    Versions of libraries are not in the hash, although the bytes of the files depend on the torch that wrote them.
    """
    source = resource("mini")
    digest = hashlib.sha256(f"{_FORMAT}".encode())
    for file in ("config.json", "vocab.txt", "model.safetensors"):
        digest.update((source / file).read_bytes())
    return f"{name}-{digest.hexdigest()[:12]}"


def is_embedded(name: str) -> bool:
    """Whether a name is that of an embedded checkpoint, not a directory."""
    return name in _MAKERS


def as_safetensors(checkpoint: Checkpoint) -> Checkpoint:
    """The same checkpoint with its weights as safetensors; a pickle is converted into the cache on first use.

    Raises:
        CheckpointError: its weights cannot be read.
        InputError: the cache cannot be written.
    """
    from harness.baseline.checkpoint import Checkpoint

    if checkpoint.weights.suffix == ".safetensors":
        return checkpoint
    directory = checkpoint.directory.resolve()
    # The parent is checked too: a user's directory may have the same name, beside another model as safetensors.
    if directory.name == MODELSCOPE and directory.parent.parent == cache_directory().resolve():
        return Checkpoint.open(directory.parent / SAFETENSORS)
    known = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in _files(checkpoint)]
    key = hashlib.sha256(repr((_FORMAT, known)).encode()).hexdigest()[:12]
    return Checkpoint.open(cached(f"converted-{key}", lambda directory: _convert(checkpoint, directory)))


def _files(checkpoint: Checkpoint) -> list[Path]:
    directory = checkpoint.directory.resolve()
    return [directory / "config.json", directory / "vocab.txt", checkpoint.weights.resolve()]


def _convert(checkpoint: Checkpoint, directory: Path) -> None:
    from safetensors.torch import save_file

    from harness.baseline.checkpoint import SAFETENSORS as FILE
    from harness.baseline.weights import read_weights

    for path in _files(checkpoint)[:2]:
        (directory / path.name).write_bytes(path.read_bytes())
    weights = {name: value.contiguous().clone() for name, value in read_weights(checkpoint).items()}
    save_file(weights, directory / FILE)


def _make_mini(directory: Path) -> None:
    from harness.baseline.sizes import read_model_weights
    from harness.baseline.vocabulary import read_vocabulary

    mini = resource("mini")
    _save_both(directory, *read_model_weights(mini), read_vocabulary(mini / "vocab.txt"))


def _make_base(directory: Path) -> None:
    """Make mini as deep and wide as StructBERT-base; raises an error unless it answers as mini does."""
    import torch

    from harness.baseline.extractor import Extractor
    from harness.baseline.model import ModelConfig
    from harness.baseline.sizes import read_model_weights
    from harness.baseline.vocabulary import read_vocabulary
    from harness.baseline.widen import NOISE, widen

    config, weights = read_model_weights(resource("mini"))
    target = ModelConfig(21128, hidden=768, heads=12, feed_forward=3072, tower_layers=6, cross_layers=6)
    tokens = read_vocabulary(resource("mini") / "vocab.txt")
    unused = [f"[unused{i}]" for i in range(1, target.vocabulary - len(tokens) + 1)]
    bigger = widen(config, weights, target)
    # The published checkpoints hold an unused pooler; loading it is part of the cost of loading one.
    generator = torch.Generator().manual_seed(0)
    bigger["plm.pooler.dense.weight"] = NOISE * torch.randn(target.hidden, target.hidden, generator=generator)
    bigger["plm.pooler.dense.bias"] = torch.zeros(target.hidden)
    _save_both(directory, target, bigger, tokens + unused)
    _check_same(Extractor.load(resource("mini")), Extractor.load(directory / MODELSCOPE))


_MAKERS: dict[str, Callable[[Path], None]] = {"mini": _make_mini, "base": _make_base}


def _save_both(directory: Path, config: ModelConfig, weights: Mapping[str, Tensor], tokens: list[str]) -> None:
    from harness.baseline.checkpoint import PICKLE
    from harness.baseline.checkpoint import SAFETENSORS as FILE
    from harness.baseline.save import save

    save(directory / MODELSCOPE, config, weights, tokens, file=PICKLE)
    save(directory / SAFETENSORS, config, weights, tokens, file=FILE)


def _check_same(mini: Extractor, base: Extractor) -> None:
    from harness.data.dataset import pick, read_dataset

    for example in pick(list(read_dataset("business/dev")), CHECKED_TEXTS):
        expected, got = (extractor.extract_observed(example.text, example.schema) for extractor in (mini, base))
        if got.chains != expected.chains:
            raise UiebenchError(f"base does not answer as mini does on {example.id}")
        apart = max(float(abs(got.logits[prompt] - logits).max()) for prompt, logits in expected.logits.items())
        if apart > TOLERANCE:
            raise UiebenchError(f"base's logits on {example.id} are {apart:.1e} from mini's")
