"""A run as a baseline file."""

from __future__ import annotations

import hashlib
from pathlib import Path

from harness.analyse.baselines import Baseline, of_run
from harness.analyse.compare import assumed_sd
from harness.embedded.checkpoints import find_checkpoint, is_embedded, made_from
from harness.errors import InputError
from harness.record import STOCK
from harness.run.reference import read_answers
from harness.run.store import read_run

_WEIGHTS = (".safetensors", ".bin", ".txt", ".json")


def of_directory(directory: Path) -> Baseline:
    """What a run's file holds.

    Raises:
        InputError: there is no run, it was not timed against stock, or its checkpoint is gone.
    """
    header, records = read_run(directory, lambda _: None)
    if header.partner != STOCK:
        raise InputError(
            f"{str(directory)!r} was timed against {header.partner}, and a baseline holds times against stock's; "
            "take a run of `uiebench run`"
        )
    answers, near = read_answers(directory)
    return of_run(header, records, answers, near, _weights(header.checkpoint), assumed_sd(header.environment))


def _weights(checkpoint: str) -> str:
    """A hash of all that an extractor is made from: a directory's files, or an embedded checkpoint's sources."""
    if is_embedded(checkpoint):
        return made_from(checkpoint)
    found = hashlib.sha256()
    for path in sorted(find_checkpoint(checkpoint).iterdir()):
        if path.suffix in _WEIGHTS and path.is_file():
            found.update(path.name.encode())
            with path.open("rb") as file:
                found.update(hashlib.file_digest(file, "sha256").digest())
    return found.hexdigest()[:16]
