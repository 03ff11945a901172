"""Which cores a process runs on."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def together(processes: Sequence[int], cores: int) -> Iterator[None]:
    """Keep processes on the same few cores meanwhile.

    Each core of a shared machine has neighbours of its own: what is compared has to meet the same ones.

    Args:
        processes: their ids; at most `cores` of them run at the same time.
        cores: how many. Where this process may use no more, nothing changes.
    """
    ours = os.sched_getaffinity(0)
    few = sorted(ours)[-cores:]  # the first one is where most interrupts go
    _keep(processes, few)
    try:
        yield
    finally:
        _keep(processes, ours)


def _keep(processes: Sequence[int], cores: Collection[int]) -> None:
    for process in processes:
        with suppress(FileNotFoundError):  # it broke just now; whoever asks it next will say so
            for thread in Path(f"/proc/{process}/task").iterdir():
                with suppress(ProcessLookupError):  # this thread has ended
                    os.sched_setaffinity(int(thread.name), cores)
