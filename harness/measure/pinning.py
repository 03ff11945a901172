"""Which cores a process runs on."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from harness.measure.cores import ranges
from harness.measure.nvml import cpus_near


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


def keep_near(gpu: str) -> str:
    """Keep this process's threads on the cores near a GPU: what another node's cores send it has a longer way.

    It stays on those that it may use already, and stays as it is where none of them is near, or that is not known.

    Args:
        gpu: its UUID.

    Returns:
        The cores that it is on, in words.
    """
    near, ours = cpus_near(gpu), os.sched_getaffinity(0)
    if both := near & ours:
        _keep([os.getpid()], both)
    return in_words(near, ours)


def in_words(near: Collection[int], ours: Collection[int]) -> str:
    """On which cores a process runs that computes on a GPU.

    Args:
        near: the cores that are near the GPU; empty where that is not known.
        ours: those that the process may use.
    """
    if not near:
        return "any core: neither the driver nor the kernel tells which are near the GPU"
    if both := set(near) & set(ours):
        return f"cores {ranges(both)}, near the GPU"
    return f"cores {ranges(ours)}: those near the GPU, {ranges(near)}, are not for it to use"


def _keep(processes: Sequence[int], cores: Collection[int]) -> None:
    for process in processes:
        with suppress(FileNotFoundError):  # it broke just now; whoever asks it next will say so
            for thread in Path(f"/proc/{process}/task").iterdir():
                with suppress(ProcessLookupError):  # this thread has ended
                    os.sched_setaffinity(int(thread.name), cores)
