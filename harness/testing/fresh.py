"""Evidence with an optimization and without, each found by a process in which nothing was composed before.

To import torch takes a second or two. So one process does it (`python -m harness.testing.fresh`), composes nothing, and
forks one that does for each state of each optimization that it is asked about.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import traceback
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from harness.plan.registry import find_optimizations
from harness.plugin import Optimization, Probe, Stage
from harness.run import python
from harness.testing.subject import Subject, composed, two_texts

STATES = {"applied": True, "not applied": False}  # whether evidence is to say that it is active


class Shown(msgspec.Struct):
    """What the evidence said in a state, or why there is none."""

    active: bool = False
    summary: str = ""
    broken: str | None = None


class _Question(msgspec.Struct):
    source: str  # a file, for an optimization that is not registered
    name: str
    parameters: dict[str, Any]
    environment: dict[str, str]


def shown(subject: Subject) -> dict[str, Shown]:
    """What the evidence of an optimization says in each state."""
    one = subject.optimization
    question = _Question(one.source, one.name, dict(subject.parameters), dict(os.environ))
    process = _process()
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(msgspec.json.encode(question) + b"\n")
        process.stdin.flush()
        line = process.stdout.readline()
    except BrokenPipeError:
        line = b""
    if line:
        return msgspec.json.decode(line, type=dict[str, Shown])
    _process.cache_clear()
    return dict.fromkeys(STATES, Shown(broken=f"no fresh process comes up: exit status {process.wait()}"))


@cache
def _process() -> subprocess.Popen[bytes]:
    """The process that forks; it ends with this one."""
    found = subprocess.Popen(
        python.command("harness.testing.fresh", ()),
        env=python.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    atexit.register(found.communicate)
    return found


def _evidence(question: _Question, *, applied: bool) -> Shown:
    registry = find_optimizations()
    if question.name not in set(registry):
        registry = find_optimizations([Path(question.source)])
    optimization: Optimization[Any] = registry[question.name]
    examples, lean = two_texts(), optimization.stage is not Stage.LOAD
    extractor = composed(*(((optimization, question.parameters),) if applied else ()), lean=lean)
    probe = Probe(extractor, [one.text for one in examples], [one.schema for one in examples])
    said = optimization.shown(probe)
    return Shown(said.active, said.summary)


def _forked(question: _Question, *, applied: bool) -> Shown:
    """What a process of its own finds."""
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        os.environ.clear()
        os.environ.update(question.environment)
        try:
            found = _evidence(question, applied=applied)
        except BaseException:  # a plugin may raise anything
            found = Shown(broken=traceback.format_exc())
        with os.fdopen(writing, "wb") as out:
            out.write(msgspec.json.encode(found))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as file:
        written = file.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return msgspec.json.decode(written, type=Shown) if written else Shown(broken=f"its exit status is {status}")


def _serve() -> None:
    """Answer each line of the input by one, and send elsewhere what plugins print."""
    with os.fdopen(os.dup(1), "wb") as replies:
        os.dup2(2, 1)
        find_optimizations()
        for line in sys.stdin.buffer:
            question = msgspec.json.decode(line, type=_Question)
            found = {state: _forked(question, applied=applied) for state, applied in STATES.items()}
            replies.write(msgspec.json.encode(found) + b"\n")
            replies.flush()


if __name__ == "__main__":
    _serve()
