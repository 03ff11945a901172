"""The memory of a combination, in processes that do nothing else."""

from __future__ import annotations

from collections.abc import Iterable

from harness.record import Memory
from harness.run import protocol as say
from harness.run.pair import Starter, blaming


class Weighing:
    """Processes that answer all texts and are weighed, on their way while others are asked.

    They give back what they free, large pieces at once. In a process that does as the C library likes, the peak depends
    on where pieces happened to lie: of the same program on the same texts it was between 375 and 446 MiB, and 359 in
    each of these.
    """

    def __init__(self, start: Starter, roles: Iterable[str]) -> None:
        self._processes = {role: start(role, heap="returned") for role in roles}
        for role, process in self._processes.items():
            with blaming(role):
                process.tell(say.WarmUp())

    def results(self) -> dict[str, Memory]:
        """The memory of each role; ends the processes."""
        found = {}
        for role, process in self._processes.items():
            with blaming(role):
                process.hear(say.Ready)
                process.hear(say.Warm)
                found[role] = process.ask(say.Weigh(), say.Weighed).memory
            process.close()
        return found
