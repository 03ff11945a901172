"""Checks what works on this machine, and why other things do not."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Literal, TypeAlias

from harness.data.dataset import Example, read_dataset
from harness.data.texts import read_texts
from harness.embedded.cache import cached
from harness.embedded.checkpoints import find_checkpoint
from harness.errors import UiebenchError
from harness.measure.nvml import cpus_near_each, hindrances
from harness.measure.pinning import in_words as on_cores
from harness.measure.tuning import tuning
from harness.plan.registry import find_optimizations
from harness.record import BASELINE
from harness.run import protocol as say
from harness.run.environment import gpus, packages
from harness.run.process import WorkerError, WorkerProcess
from harness.tuning import advice, in_words
from harness.units import format_bytes, format_seconds

State: TypeAlias = Literal["fine", "note", "wrong"]
# Coming up and answering one text takes seconds; a model of the real size on a slow disk some more.
_PATIENCE_S = 300.0
_TRIED_ON = "article"  # the text that each optimization is tried on
_LISTINGS = "as_published"  # nobody wants to switch these on, and one of them is known to fail


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    about: str
    state: State
    said: str


@dataclass(frozen=True)
class Data:
    """Texts to look at."""

    name: str  # a dataset's, or a file's
    format: str | None = None  # of a file; guessed where it is None
    schema: str | None = None  # for a file that has none, as JSON


def examine(checkpoint: str, device: str, data: Data | None, plugins: tuple[Path, ...] = ()) -> Iterator[Finding]:
    """Look at the machine, the checkpoint, every optimization on it, and the data, one after the other.

    Args:
        checkpoint: a name or a directory.
        device: ``cpu``, ``cuda`` or ``cuda:N``.
        data: texts to look at too, or None.
        plugins: files with optimizations.
    """
    yield from _machine()
    yield from _tuning()
    yield _cache()
    if data is not None:
        yield _data(data)
    try:
        directory = find_checkpoint(checkpoint).resolve()
    except UiebenchError as error:
        yield Finding("checkpoint", "wrong", str(error))
        return
    came_up = _try(BASELINE, directory, device, plugins)
    yield Finding(f"checkpoint {checkpoint}", came_up.state, came_up.said)
    if came_up.state == "wrong":
        return
    for name, one in sorted(find_optimizations(plugins).items()):
        if Path(one.source).parent.name != _LISTINGS:
            yield _try(name, directory, device, plugins)


def _machine() -> Iterator[Finding]:
    import psutil

    linux = sys.platform == "linux"
    needs = "" if linux else "; `run` needs Linux, `extract` does not"
    yield Finding("system", "fine" if linux else "wrong", f"{sys.platform}, Python {sys.version.split()[0]}{needs}")
    free = psutil.virtual_memory()
    cores = len(os.sched_getaffinity(0)) if linux else os.cpu_count()
    yield Finding(
        "machine", "fine", f"{cores} cores, {format_bytes(free.available)} of {format_bytes(free.total)} free"
    )
    versions = ", ".join(f"{name} {version}" for name, version in packages().items())
    yield Finding("packages", "fine", versions)
    found = gpus()
    yield Finding("GPUs", "fine" if found else "note", "; ".join(found) or "the driver names none")
    yield from (Finding("GPUs", "note", said) for said in hindrances())
    if linux:
        yield from _near()
    import torch

    built = f"built for CUDA {torch.version.cuda}" if torch.version.cuda else "a build without CUDA"
    sees = f"sees {torch.cuda.device_count()} CUDA devices" if torch.cuda.is_available() else "sees no CUDA device"
    blind = bool(found) and not torch.cuda.is_available()
    yield Finding("torch", "wrong" if blind else "fine", f"{built}, {sees}")


def _near() -> Iterator[Finding]:
    """On which cores the processes of each GPU run."""
    ours = os.sched_getaffinity(0)
    for name, near in cpus_near_each().items():
        state: State = "fine" if near & ours else "note"
        yield Finding("cores near GPUs", state, f"{name}: its processes run on {on_cores(near, ours)}")


def _tuning() -> Iterator[Finding]:
    found = tuning()
    yield Finding("settings", "fine", in_words(found))
    for about, said in advice(found):
        yield Finding(f"before you measure, {about}", "note", said)


def _cache() -> Finding:
    try:
        made = cached("doctor", lambda directory: (directory / "written").touch())
    except UiebenchError as error:
        return Finding("cache", "wrong", str(error))
    return Finding("cache", "fine", str(made.parent))


def _data(data: Data) -> Finding:
    name = data.name
    try:
        left_out: list[str] = []
        examples = list(read_texts(name, left_out.append, format_name=data.format, schema=data.schema))
    except UiebenchError as error:
        return Finding(f"data {name}", "wrong", str(error))
    if not examples:
        return Finding(f"data {name}", "wrong", "it contains no text")
    lengths = [len(example.text) for example in examples]
    gold = sum(example.gold is not None for example in examples)
    said = f"{len(examples)} texts of {min(lengths)} to {max(lengths)} characters (median {median(lengths):.0f})"
    if left_out:
        return Finding(f"data {name}", "note", f"{said}; {left_out[0]}")
    if not gold:
        return Finding(f"data {name}", "note", f"{said}, none with gold: speed and parity can be measured, F1 cannot")
    return Finding(f"data {name}", "fine", f"{said}, {gold} with gold")


def _try(name: str, checkpoint: Path, device: str, plugins: tuple[Path, ...]) -> Finding:
    """Bring a combination up in a process of its own, and ask it for its evidence."""
    example = next(iter(read_dataset(_TRIED_ON)))
    with tempfile.TemporaryDirectory() as logs:
        worker = WorkerProcess(Path(logs) / "worker.log", time.monotonic() + _PATIENCE_S)
        with closing(worker):
            try:
                ready = worker.ask(_job(name, checkpoint, device, plugins, example), say.Ready)
                proved = worker.ask(say.Prove(), say.Proved)
                memory = worker.ask(say.Weigh(), say.Weighed).memory
            except WorkerError as error:
                away = error.kind == "unavailable"
                said = str(error).removeprefix(f"{name}: ")
                return Finding(name, "note" if away else "wrong", f"not here: {said}" if away else said)
    if name == BASELINE:
        peak = memory.rss_load_peak_bytes
        took = format_seconds(ready.start.total_ns / 1e9)
        on = f", {format_bytes(peak)} of host memory" if peak else ""
        weights = format_bytes(memory.weights_bytes or 0)
        return Finding(name, "fine", f"{weights} of weights, first answer after {took}{on}")
    idle = [one.summary for one in proved.evidence if not one.active]
    said = "; ".join(idle) or "; ".join(one.summary for one in proved.evidence)
    return Finding(name, "wrong" if idle else "fine", f"{'would not be active: ' if idle else ''}{said}")


def _job(name: str, checkpoint: Path, device: str, plugins: tuple[Path, ...], example: Example) -> say.Job:
    return say.Job(
        combination=name,
        checkpoint=str(checkpoint),
        device=device,
        threads=1,
        plugins=[str(path.resolve()) for path in plugins],
        texts=[example.text],
        schemas=[json.dumps(example.schema, ensure_ascii=False)],
        timed=1,
        spawned_ns=time.monotonic_ns(),
    )
