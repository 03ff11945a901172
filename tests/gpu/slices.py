"""The steps that fit into some minutes, each once, and what is left of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

from interrupts import hear_interrupts

from gpu.kept import Kept, Outcome
from gpu.steps import HERE, ROOT, Step
from harness.errors import InputError
from harness.run.store import RECORDS, read_finished, read_run

REPORT_S = 25.0  # of a step's time are not its budget: a run writes its report when that has ended
ENDING_S = 20.0  # a program that is interrupted has this long to end
PACKING_S = 10.0  # before the end of a slice nothing runs any more

# Runs a program with its output added to a file, for so many seconds at most: its status, None where they ended it.
Start: TypeAlias = Callable[[Sequence[str], Path, float], int | None]


def program(arguments: Sequence[str], log: Path, limit_s: float) -> int | None:
    """A Python program from the checkout's root; at its limit it is interrupted, and what is left of it killed."""
    path = os.pathsep.join(filter(None, (str(HERE.parent), os.environ.get("PYTHONPATH"))))
    with log.open("ab") as output:
        running = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=hear_interrupts,
        )
    try:
        return running.wait(limit_s)
    except subprocess.TimeoutExpired:
        running.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            running.wait(ENDING_S)
        return None
    finally:
        with suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
        running.wait()


def make(
    steps: Sequence[Step],
    kept: Kept,
    seconds: float,
    say: Callable[[str], None],
    *,
    start: Start = program,
    clock: Callable[[], float] = time.monotonic,
) -> bool:
    """Make the steps that are not done, in order, those left out that no longer fit; then say what is left.

    Args:
        steps: all of them.
        kept: what was done before, and takes what is done now.
        seconds: of this slice.
        say: told what begins and how it ended.
        start: runs a program.
        clock: seconds.

    Returns:
        Whether every step that was begun ended well, or was ended by this slice's end.
    """
    until, well = clock() + seconds - PACKING_S, True
    for step in steps:
        before = kept.outcome(step.name)
        left = until - clock()
        if (before and before.whole) or left < step.least_s + ENDING_S:
            continue
        limit_s = min(step.limit_s, left - ENDING_S)
        say(f"{step.name}: at most {limit_s:.0f} s")
        began = clock()
        status = start(_filled(step, kept, limit_s), kept.of(step.name) / "log.txt", limit_s)
        spent = clock() - began + (before.seconds if before else 0)
        outcome = Outcome(status, spent, whole=step.suite is None or _is_whole(kept.runs, step.suite))
        kept.keep(step.name, outcome)
        well &= status == 0 or (status is None and step.suite is not None)
        say(f"{step.name}: {_ended(outcome)}")
        for name in kept.pack():
            say(f"left out of {kept.packed.name}, which would be too large: {name}")
    for line in summary(steps, kept):
        say(line)
    return well


def summary(steps: Sequence[Step], kept: Kept) -> list[str]:
    """A line a step, and what is left."""
    found = {step.name: kept.outcome(step.name) for step in steps}
    lines = [f"{name:14} {'not begun' if outcome is None else _ended(outcome)}" for name, outcome in found.items()]
    left = [name for name, outcome in found.items() if outcome is None or not outcome.whole]
    return [*lines, f"left: {', '.join(left)}; the same command goes on" if left else "nothing is left"]


def _ended(outcome: Outcome) -> str:
    status = "ended by its limit" if outcome.status is None else f"exit status {outcome.status}"
    return f"{status}, {outcome.seconds:.0f} s" + ("" if outcome.whole else ", goes on")


def _filled(step: Step, kept: Kept, limit_s: float) -> list[str]:
    values = {
        "here": str(kept.of(step.name).resolve()),
        "runs": str(kept.runs.resolve()),
        "budget": f"{max(1, limit_s - REPORT_S):.0f}s",
    }
    return [argument.format_map(values) if argument.startswith("{") else argument for argument in step.arguments]


def _is_whole(runs: Path, suite: str) -> bool:
    """Whether the newest run of a suite came to its end, and not to that of its budget."""
    for path in sorted(runs.glob(f"*/{RECORDS}"), reverse=True):
        with suppress(InputError):
            if read_run(path.parent, lambda _: None)[0].suite == suite:
                finished = read_finished(path.parent)
                return bool(finished) and all(end.rule != "budget" for end in finished[-1].ends)
    return False
