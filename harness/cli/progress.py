"""A progress bar that is redrawn only between rounds; plain lines if there is no terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeVar

from harness.cli import warn
from harness.cli.out import beneath
from harness.neutral import for_terminal

_Result = TypeVar("_Result")


def with_progress(rounds: int, work: Callable[[Callable[[str, int], None]], _Result]) -> _Result:
    """Run work that reports each step: what begins, and how many rounds are left.

    Args:
        rounds: their total number.
        work: gets the function to report with.
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
    # Redrawn only when a round begins, so that nothing runs beside timed requests. The pace is that of all rounds.
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
    """Like :func:`with_progress`, for work that can be resumed; an interruption says how to continue."""
    try:
        return with_progress(rounds, work)
    except KeyboardInterrupt:
        warn("interrupted; finished rounds are on disk; the same command without --fresh continues")
        raise
