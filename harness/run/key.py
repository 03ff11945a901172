"""What a run may go on from: a hash of all that decides what is measured."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from importlib.metadata import entry_points
from pathlib import Path

import harness
import optimizations
from harness.plan.registry import GROUP
from harness.run.environment import packages


def run_key(decides: object, checkpoint: Path, plugins: Iterable[Path]) -> str:
    """The hash; the machine's name, its load and its clocks are not in it.

    Args:
        decides: the suite, its texts and the options: values whose ``repr`` tells them apart.
        checkpoint: its directory; sizes and times of change stand for the bytes of its files.
        plugins: files named by the user.
    """
    weights = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in sorted(checkpoint.iterdir())]
    installed = sorted((point.value, point.dist.version if point.dist else "") for point in entry_points(group=GROUP))
    hashed = hashlib.sha256(repr((decides, str(checkpoint), weights, packages(), installed)).encode())
    for path in (*_code(), *plugins):
        hashed.update(path.name.encode() + path.read_bytes())
    return hashed.hexdigest()[:16]


def _code() -> Iterator[Path]:
    for package in (harness, optimizations):
        for root in package.__path__:
            yield from sorted(Path(root).rglob("*.py"))
