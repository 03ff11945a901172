"""A progress bar that is redrawn only between rounds; plain lines where no terminal is."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeVar

from harness.cli import warn
from harness.cli.out import beneath
from harness.neutral import for_terminal

_Result = TypeVar("_Result")


def with_progress(rounds: int, work: Callable[[Callable[[str, int], None]], _Result]) -> _Result:
    """Do work that tells what begins, and how many rounds are left with it.

    Args:
        rounds: how many there are in all.
        work: given the function to tell.
    """
    if not sys.stderr.isatty():
        return work(lambda what, left: print(f"{what} ({left} of {rounds} rounds left)", file=sys.stderr, flush=True))
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    # Redrawn only when a round begins: nothing of ours may run beside a timed block. The pace is that of all rounds.
    with Progress(
        *columns, console=Console(file=beneath(sys.stderr)), auto_refresh=False, speed_estimate_period=float("inf")
    ) as bar:
        task = bar.add_task("starting", total=rounds)

        def step(what: str, left: int) -> None:
            bar.update(task, description=escape(for_terminal(what)), completed=rounds - left, refresh=True)

        result = work(step)
        bar.update(task, description="done", completed=rounds, refresh=True)
    return result


def resumable(rounds: int, work: Callable[[Callable[[str, int], None]], _Result]) -> _Result:
    """As :func:`with_progress`, of work whose finished rounds are on disk; an interruption says how to go on."""
    try:
        return with_progress(rounds, work)
    except KeyboardInterrupt:
        warn("interrupted; the rounds that were finished are on disk, and the same command without --fresh goes on")
        raise
