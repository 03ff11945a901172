"""A combination's process and its partner's, side by side: started, warmed up and timed in turns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.measure.noise import Reading, look
from harness.record import STOCK, StartUp
from harness.run import protocol as say
from harness.run.process import WorkerError, WorkerProcess

# Starts a process on its way, in the role `own` or `partner`; its reply to the job is still to be heard.
Starter = Callable[[str], WorkerProcess]


@dataclass(frozen=True)
class Pair:
    """Two processes that are up and warm."""

    own: WorkerProcess
    partner: WorkerProcess
    own_first: bool
    cold: StartUp  # of the one that started first, alone
    warm: dict[str, say.Warm]  # how each role warmed up
    gpu: str | None  # the UUID of the device they use

    @staticmethod
    def start(starter: Starter, *, own_first: bool) -> Pair:
        """Start both and have each answer all texts, untimed.

        The first starts alone, so that its cold start counts; the second comes up while the first warms up.
        """
        roles = ("own", "partner") if own_first else ("partner", "own")
        up: dict[str, WorkerProcess] = {}
        ready: list[say.Ready] = []
        for role in roles:
            with _blaming(role):
                up[role] = starter(role)
                ready.append(up[role].hear(say.Ready))
                up[role].tell(say.WarmUp())
        warm: dict[str, say.Warm] = {}
        for role in roles:
            with _blaming(role):
                warm[role] = up[role].hear(say.Warm)
        return Pair(up["own"], up["partner"], own_first, ready[0].start, warm, ready[0].facts.get("gpu_uuid"))

    def look(self) -> Reading:
        """What the machine's counters say now."""
        return look((self.own.pid, self.partner.pid), self.gpu)

    def time(self, command: say.Time, passes: int) -> tuple[list[say.Timed], list[say.Timed]]:
        """The passes of one scenario: the combination's and its partner's."""
        ours: list[say.Timed] = []
        theirs: list[say.Timed] = []
        for is_own in _order(passes, own_first=self.own_first):
            if is_own:
                ours.append(self.own.ask(command, say.Timed))
            else:
                with _blaming("partner"):
                    theirs.append(self.partner.ask(command, say.Timed))
        return ours, theirs


def _order(passes: int, *, own_first: bool) -> Iterator[bool]:
    """Whose pass is next (True: the combination's): A B B A A B B A …, so that a drift hits both alike."""
    for i in range(passes):
        ahead = own_first == (i % 2 == 0)
        yield from (ahead, not ahead)


@contextmanager
def _blaming(role: str) -> Iterator[None]:
    """An error of the partner's process says so: it is not the combination's."""
    try:
        yield
    except WorkerError as error:
        if role == "partner":
            raise WorkerError("partner", f"the partner {STOCK!r} broke ({error.kind}): {error}") from error
        raise
