"""Checkpoint directories in ModelScope's layout."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.baseline import config, vocabulary
from harness.errors import CheckpointError

PICKLE = "pytorch_model.bin"
SAFETENSORS = "model.safetensors"
_EXPECTED = f"a ModelScope SiameseUIE directory holds config.json, vocab.txt and {PICKLE} or {SAFETENSORS}"
_BY_NAME = "; of an embedded one, harness.embedded.checkpoints.find_checkpoint(NAME) gives it"
_IN_PARTS = (f"{SAFETENSORS}.index.json", f"{PICKLE}.index.json")


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
        try:
            opened = cls(directory, _find_weights(directory))
        except OSError as error:  # a name that is too long, a folder that may not be entered
            raise CheckpointError(f"checkpoint directory {str(directory)!r} cannot be read: {error.strerror}") from None
        sizes = config.read_config(opened)
        config.check_config(sizes, directory / config.FILE)
        vocabulary.check_vocabulary(directory / vocabulary.FILE, sizes["vocab_size"])
        return opened


def _find_weights(directory: Path) -> Path:
    """The file with the weights; the directory must have the other files too."""
    if not directory.is_dir():
        raise CheckpointError(f"checkpoint directory {str(directory)!r} does not exist; {_EXPECTED}{_BY_NAME}")
    for name in (config.FILE, vocabulary.FILE):
        if not (directory / name).is_file():
            raise CheckpointError(f"checkpoint directory {str(directory)!r} has no {name}{_why_not(directory / name)}")
    for name in (PICKLE, SAFETENSORS):
        if (directory / name).is_file():
            return directory / name
    for name in _IN_PARTS:
        if (directory / name).is_file():
            raise CheckpointError(
                f"the weights in {str(directory)!r} are in parts ({name}), and only one file is read; write it with "
                "model.save_pretrained(DIRECTORY, max_shard_size='100GB')"
            )
    others = [path for path in sorted(directory.glob("*.safetensors")) if path.is_file()]
    if len(others) > 1:
        names = ", ".join(path.name for path in others)
        raise CheckpointError(f"{str(directory)!r} has several files of weights ({names}); call one {SAFETENSORS}")
    if not others:
        raise CheckpointError(f"checkpoint directory {str(directory)!r} has no weights{_why_not(directory / PICKLE)}")
    return others[0]


def _why_not(path: Path) -> str:
    if path.is_dir():
        return f": {path.name} is a directory; {_EXPECTED}"
    if path.is_symlink():
        return f": {path.name} is a link to {path.readlink()}, which does not exist; download the checkpoint anew"
    return f"; {_EXPECTED}"
