"""A process's memory over time."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.measure.family import family
from harness.measure.memory import allocated_cuda, resident

if TYPE_CHECKING:
    import torch

_EVERY_S = 0.002  # between two looks, at least
_SHARE = 0.01  # of the time that looking may take: while this thread runs Python, no other one does
_STEPS = 100  # at most: what a chart can show

Seen = Sequence[tuple[int, int]]  # nanoseconds, bytes


class Watch:
    """Looks at the memory of this process, and of those that it started, from a thread of its own."""

    def __init__(self, device: torch.device) -> None:
        self._device, self._family = device, family()
        self._host: list[tuple[int, int]] = []
        self._cuda: list[tuple[int, int]] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Watch:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End, with a last look."""
        self._ended.set()
        self._thread.join()

    def steps(self) -> tuple[int, list[int], list[int]]:
        """How long a step is, in nanoseconds, and the most that each saw: of the host's memory and of the device's."""
        every = [at for at, _ in (*self._host, *self._cuda)]
        step = max(1, -(-(max(every) - min(every) + 1) // _STEPS)) if every else 1
        return step, most(self._host, step), most(self._cuda, step)

    def _look(self) -> None:
        pause_s = _EVERY_S
        while True:
            ended = self._ended.wait(pause_s)
            now, begun_s = time.perf_counter_ns(), time.thread_time()
            for sizes, size in ((self._host, resident(self._family)), (self._cuda, allocated_cuda(self._device))):
                if size is not None:
                    sizes.append((now, size))
            if ended:
                return
            pause_s = max(_EVERY_S, (time.thread_time() - begun_s) / _SHARE)


def most(seen: Seen, step_ns: int) -> list[int]:
    """The most in each step from the first look on; a step without one has what was seen last."""
    found: list[int] = []
    last = 0
    for at, size in seen:
        place = (at - seen[0][0]) // step_ns
        found += [last] * (place - len(found))
        if len(found) == place:
            found.append(size)
        found[place], last = max(found[place], size), size
    return found
