"""What is learnt of a combination in processes that nothing is timed in: its start, its memory, answers to texts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from harness.measure.nvml import used_bytes
from harness.record import Chains, Memory, StartUp
from harness.run import protocol as say
from harness.run.pair import Starter, blaming
from harness.run.process import WorkerProcess


@dataclass(frozen=True)
class Weighed:
    """What one process took, and what it answered."""

    start: StartUp  # counts where it came up alone
    memory: Memory
    answers: list[Chains]  # to the texts it was asked for


class Weighing:
    """Processes that answer the timed texts and are weighed, on their way while others are asked.

    They give back what they free, large pieces at once. In a process that does as the C library likes, the peak depends
    on where pieces happened to lie: of the same program on the same texts it was between 375 and 446 MiB, and 359 in
    each of these.
    """

    def __init__(self, start: Starter, roles: Iterable[str], *, alone: bool, places: Sequence[int]) -> None:
        """Start them.

        Args:
            start: starts a process.
            roles: those that are weighed.
            alone: each comes up while no other process of ours does anything, so that its start counts, and what the
                device has more in use is its own.
            places: of texts that they answer afterwards.
        """
        self._places = list(places)
        self._processes: dict[str, WorkerProcess] = {}
        self._ready: dict[str, say.Ready] = {}
        self._device_bytes: dict[str, int | None] = {}
        for role in roles:
            with blaming(role):
                before = used_bytes() if alone else {}
                process = self._processes[role] = start(role, heap="returned")
                if alone:
                    ready = self._ready[role] = process.hear(say.Ready)
                    gpu, after = ready.facts.get("gpu_uuid", ""), used_bytes()
                    self._device_bytes[role] = after[gpu] - before[gpu] if gpu in before and gpu in after else None
        for role, process in self._processes.items():
            with blaming(role):
                process.tell(say.WarmUp())
                process.tell(say.Weigh())
                if self._places:
                    process.tell(say.Answer(self._places))

    def results(self) -> dict[str, Weighed]:
        """What each role gave; ends the processes."""
        found = {}
        for role, process in self._processes.items():
            with blaming(role):
                ready = self._ready.get(role) or process.hear(say.Ready)
                process.hear(say.Warm)
                memory = replace(process.hear(say.Weighed).memory, cuda_device_bytes=self._device_bytes.get(role))
                answers = process.hear(say.Answered).answers if self._places else []
                found[role] = Weighed(ready.start, memory, answers)
            process.close()
        return found
