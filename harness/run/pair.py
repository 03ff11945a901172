"""A combination's process and its partner's, side by side: started, warmed up and timed in turns."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from msgspec.structs import replace

from harness.measure.noise import Reading, look
from harness.record import Chains, Mark
from harness.run import protocol as say
from harness.run.process import Heap, WorkerError, WorkerProcess
from harness.units import NS_PER_S

ROLES = ("own", "partner")

# The least duration of a pass on a GPU: then switching between processes, and a clock that rises and falls, matter
# little. It is longer if energy is counted, because that counter is updated only about ten times a second.
LEAST_PASS_NS, LEAST_COUNTED_NS = NS_PER_S // 2, NS_PER_S
_FASTER = 1.25  # later passes may be this many times as fast as the first, while clocks still rise
MOST_REPEATS = 1000  # enough for a single text of 1 ms to last a second


class Starter(Protocol):
    """Starts a process, without waiting for its reply to the job."""

    def __call__(self, role: str, *, heap: Heap | None = None) -> WorkerProcess:
        """Start it in the role `own` or `partner`; `heap` overrides the setting of the suite."""
        ...


@dataclass(frozen=True)
class Pair:
    """Two processes that have started and warmed up."""

    own: WorkerProcess
    partner: WorkerProcess
    own_first: bool
    warm: dict[str, say.Warm]  # how each role warmed up
    gpus: Mapping[str, str]  # the UUID of each role's GPU; roles without a GPU are left out

    @property
    def gpu(self) -> str | None:
        """The GPU of the round: the combination's, or else its partner's."""
        return next((self.gpus[role] for role in ROLES if role in self.gpus), None)

    @staticmethod
    def start(starter: Starter, *, own_first: bool) -> Pair:
        """Start both at once and have each answer all texts, untimed, once both are up.

        A process that starts before the other is slower than it for as long as both live; docs/run.md says by how
        much.
        """
        roles = ROLES if own_first else ROLES[::-1]
        up: dict[str, WorkerProcess] = {}
        gpus: dict[str, str] = {}
        warm: dict[str, say.Warm] = {}
        for role in roles:
            with blaming(role):
                up[role] = starter(role)
        for role in roles:
            with blaming(role):
                if gpu := up[role].hear(say.Ready).facts.get("gpu_uuid"):
                    gpus[role] = gpu
        for role in roles:
            with blaming(role):
                up[role].tell(say.WarmUp())
        for role in roles:
            with blaming(role):
                warm[role] = up[role].hear(say.Warm)
        return Pair(up["own"], up["partner"], own_first, warm, gpus)

    def look(self) -> Reading:
        """Read the machine's counters."""
        pids = {"own": self.own.pid, "partner": self.partner.pid}
        return look(tuple(pids.values()), self.gpu, tuple(pids[role] for role in self.gpus))

    def time(
        self, parts: Sequence[say.Time], passes: int, readings: list[Reading], *, lengthened: bool = False
    ) -> tuple[list[say.Timed], list[say.Timed]]:
        """Time the passes of one scenario, of both processes; after each pass, a reading is added to `readings`.

        The two alternate at every part of a pass, so that a slow moment of the machine affects both. Each comes first
        equally often. Under load, each makes one untimed pass before, because the warm-up asked for one text at a
        time.

        A lengthened pass answers all texts several times in a row, equally often in both processes: single requests
        in one reply, loads in one reply each. An uncounted pass before shows how often it takes.

        Args:
            parts: the parts of a pass, in order.
            passes: the number of passes of each process.
            readings: the readings so far; extended.
            lengthened: whether passes are; the only part then names its places.
        """
        tried: dict[str, say.Timed] = {}
        if lengthened or parts[0].scenario != "single_stream":
            tried = {role: self._ask(role, parts[0]) for role in ROLES}
        times = repeats(tried) if lengthened else 1
        timed: dict[str, list[say.Timed]] = {role: [] for role in ROLES}
        for number in range(passes):
            taken: dict[str, list[say.Timed]] = {role: [] for role in ROLES}
            for place, part in enumerate(parts):
                own_first = self.own_first == ((number + place) % 2 == 0)
                for role in ROLES if own_first else ROLES[::-1]:
                    taken[role] += self._turn(role, part, times)
                    if part is parts[-1]:
                        timed[role] += taken[role] if len(parts) == 1 else [_joined(taken[role])]
                        readings.append(self.look())
        return timed["own"], timed["partner"]

    def answers(self, roles: Sequence[str], places: list[int]) -> dict[str, list[Chains]]:
        """The untimed answers of these roles to the texts at these places; both processes work at the same time."""
        processes = {role: self.own if role == "own" else self.partner for role in roles}
        for role, process in processes.items():
            with blaming(role):
                process.tell(say.Answer(places))
        found = {}
        for role, process in processes.items():
            with blaming(role):
                found[role] = process.hear(say.Answered).answers
        return found

    def marks_of_partner(self, places: list[int]) -> list[list[Mark]]:
        """The partner's logits near the threshold, of the texts at these places."""
        with blaming("partner"):
            return self.partner.ask(say.MarkTexts(places), say.Marked).marks

    def _turn(self, role: str, part: say.Time, times: int) -> list[say.Timed]:
        """A part of a pass, this many times in a row."""
        if part.scenario == "single_stream":
            return [self._ask(role, replace(part, places=part.places * times))]
        return [self._ask(role, part) for _ in range(times)]

    def _ask(self, role: str, part: say.Time) -> say.Timed:
        with blaming(role):
            return (self.own if role == "own" else self.partner).ask(part, say.Timed)


def repeats(tried: Mapping[str, say.Timed]) -> int:
    """How often passes answer all texts, so that each process's passes last long enough.

    Args:
        tried: a pass of each role. Only the combination's energy is recorded, if it is counted.
    """
    least_ns = {
        role: LEAST_COUNTED_NS if role == "own" and one.energy_mj is not None else LEAST_PASS_NS
        for role, one in tried.items()
    }
    needed = (math.ceil(_FASTER * least_ns[role] / max(1, one.wall_ns)) for role, one in tried.items())
    return min(max(needed), MOST_REPEATS)


def _joined(parts: Sequence[say.Timed]) -> say.Timed:
    """Join the parts of a pass."""
    energies = [one.energy_mj for one in parts if one.energy_mj is not None]
    return say.Timed(
        wall_ns=sum(one.wall_ns for one in parts),
        cpu_ns=sum(one.cpu_ns for one in parts),
        request_ns=[ns for one in parts for ns in one.request_ns],
        answers=[answer for one in parts for answer in one.answers],
        energy_mj=sum(energies) if len(energies) == len(parts) else None,
        wait_ns=[ns for one in parts for ns in one.wait_ns],
        batch_sizes=[size for one in parts for size in one.batch_sizes],
        heap_bytes=parts[-1].heap_bytes,
        cuda_peak_bytes=_most(one.cuda_peak_bytes for one in parts),
        cuda_allocated_peak_bytes=_most(one.cuda_allocated_peak_bytes for one in parts),
    )


def _most(found: Iterable[int | None]) -> int | None:
    return max((one for one in found if one is not None), default=None)


@contextmanager
def blaming(role: str) -> Iterator[None]:
    """Mark an error of the partner's process, so that it is not attributed to the combination."""
    try:
        yield
    except WorkerError as error:
        if role == "partner":
            raise WorkerError("partner", f"the partner broke ({error.kind}): {error}") from error
        raise
