"""The guide's lean startup: fewer packages installed, the same ones imported."""

from __future__ import annotations

import atexit
import os
import pickle
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.plugin import Evidence, InputError, Probe, Stage, optimization

if TYPE_CHECKING:
    from harness.baseline.checkpoint import Checkpoint
    from harness.baseline.model import SiameseUIE
    from harness.plugin import LoadPlan

_WORKERS = (1, 2)  # one process, or the two of the guide's `gunicorn -w 2`
_READY = b"ready\n"
_PROGRAM = "from optimizations.as_published.lean_startup import hold; hold()"

# One entry for each start of this process: the workers beside it. The evidence is about the process, as the start is.
_starts: list[list[subprocess.Popen[bytes]]] = []


def imports_still_there(_: Probe) -> Evidence:
    """Look for transformers among what the process imported, and for the workers beside it."""
    beside = sum(worker.poll() is None for start in _starts for worker in start)
    imported = "transformers" in sys.modules
    return Evidence(
        optimization="lean_startup_as_published",
        active=bool(_starts) and beside == sum(map(len, _starts)),
        summary=f"transformers {'is still' if imported else 'is not'} imported; {beside} more processes hold the model",
        figures={"modules": len(sys.modules), "processes_beside": beside},
    )


@optimization(Stage.LOAD, exact=False, evidence=imports_still_there, conflicts=["lean_startup"])
def lean_startup_as_published(plan: LoadPlan, *, workers: int = 1) -> LoadPlan:
    """Come up with the baseline's imports, from an environment that has fewer packages.

    Cheaper: the installation. What a process imports and how it reads the weights stay as they were, so its start
    takes what it took. With two workers a second process loads the same checkpoint in the same way, at the same time,
    and holds it: the start ends when both are up, and the host's memory counts both. The second answers nothing.
    Source: step 6 of the guide, as published.

    Args:
        plan: the plan to change.
        workers: 1, or 2 as the guide's ``gunicorn -w 2`` has it.
    """
    if workers not in _WORKERS:
        raise InputError(f"lean_startup_as_published: workers is {workers}; it must be 1 or 2")
    beside: list[subprocess.Popen[bytes]] = []

    def read_model(checkpoint: Checkpoint, config: dict[str, Any]) -> SiameseUIE:
        model = plan.read_model(checkpoint, config)
        for worker in beside:
            _wait_for(worker)
        return model

    beside.extend(_start(plan) for _ in range(workers - 1))
    _starts.append(beside)
    return replace(plan, read_model=read_model)


def hold() -> None:
    """Load the plan that comes through the standard input, say so, and hold the model until the input ends."""
    plan: LoadPlan = pickle.load(sys.stdin.buffer)
    extractor = plan.load()
    os.write(1, _READY)
    sys.stdin.buffer.read()  # ends with the other process, however that one ends
    del extractor


def _start(plan: LoadPlan) -> subprocess.Popen[bytes]:
    """A process that loads the plan beside this one, and ends with it."""
    worker = subprocess.Popen(
        [sys.executable, "-P", "-c", _PROGRAM],  # no module is looked for in the working directory
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert worker.stdin is not None
    pickle.dump(plan, worker.stdin)
    worker.stdin.flush()
    atexit.register(_end, worker)
    return worker


def _wait_for(worker: subprocess.Popen[bytes]) -> None:
    assert worker.stdout is not None
    if worker.stdout.readline() != _READY:
        raise RuntimeError(f"lean_startup_as_published: the second worker ended with status {worker.wait()}")


def _end(worker: subprocess.Popen[bytes]) -> None:
    worker.communicate()
