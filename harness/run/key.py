"""A hash of everything that decides what is measured; a run may resume one with the same hash."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterable, Iterator
from importlib.machinery import EXTENSION_SUFFIXES, SOURCE_SUFFIXES
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path

import harness
import optimizations
from harness.analyse import stopping
from harness.hardware import gpu_variables, kernel_variables, processor
from harness.plan import registry
from harness.run.environment import gpus, packages

_DECIDING = (registry.GROUP, stopping.GROUP)  # entry points whose code decides what is measured
_CODE = (*SOURCE_SUFFIXES, *EXTENSION_SUFFIXES)


def run_key(decides: object, checkpoint: Path, plugins: Iterable[Path]) -> str:
    """The hash; the machine's name, its load and its clocks are not in it.

    Args:
        decides: the suite, its texts and the options: values whose ``repr`` tells them apart.
        checkpoint: its directory; the sizes and modification times of its files stand for their bytes.
        plugins: files named by the user.
    """
    files = [path for path in sorted(checkpoint.iterdir()) if path.exists()]  # skips broken links
    weights = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    points = sorted((one for group in _DECIDING for one in entry_points(group=group)), key=lambda one: one.value)
    installed = [(point.value, point.dist.version if point.dist else "") for point in points]
    variables = (kernel_variables(), gpu_variables())
    machine = (platform.python_version(), packages(), processor(), *variables, gpus())
    hashed = hashlib.sha256(repr((decides, str(checkpoint), weights, machine, installed)).encode())
    for path in (*_code(), *_installed_code(points), *plugins):
        hashed.update(path.name.encode() + path.read_bytes())
    return hashed.hexdigest()[:16]


def _code() -> Iterator[Path]:
    for package in (harness, optimizations):
        for root in package.__path__:
            yield from sorted(Path(root).rglob("*.py"))


def _installed_code(points: Iterable[EntryPoint]) -> Iterator[Path]:
    """The files of the installed plugins' top packages: an editable install's can change while its version does not."""
    for package in sorted({point.module.partition(".")[0] for point in points}):
        spec = find_spec(package)
        if spec is None:
            continue
        for root in spec.submodule_search_locations or ():
            yield from sorted(path for path in Path(root).rglob("*") if path.name.endswith(_CODE))
        if spec.submodule_search_locations is None and spec.origin:
            yield Path(spec.origin)
