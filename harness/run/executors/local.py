"""A round on this machine: a fresh pair of processes, the combination and its partner `stock`."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from msgspec import to_builtins
from msgspec.structs import replace

from harness.analyse.roofline import CEILINGS, NO_CEILINGS
from harness.conditions import Conditions, Course
from harness.data.dataset import Example
from harness.groups import batched
from harness.measure.f1 import score
from harness.measure.noise import Reading, conditions
from harness.measure.pinning import together
from harness.plan.cells import Planned
from harness.plan.peers import peer_file
from harness.record import (
    BASELINE,
    STOCK,
    Cell,
    Chains,
    ColdStart,
    Evidence,
    Failed,
    Measured,
    Record,
    Samples,
    Scores,
    SingleStream,
    Skipped,
    StartUp,
    is_peer,
)
from harness.run import protocol as say
from harness.run.cost import GIVING_BACK, shared, tokens
from harness.run.executors.recorded import MarksOf, Passes, Reference, account, idle, loads, parity_of
from harness.run.executors.weighing import Weighing
from harness.run.pair import ROLES, Pair, Starter, blaming
from harness.run.peers import Launch
from harness.run.process import Heap, WorkerError, WorkerProcess
from harness.scenarios import KINDS


@dataclass(frozen=True)
class Settings:
    """What all rounds of a run have in common."""

    checkpoint: str
    device: str
    threads: int
    plugins: tuple[str, ...]
    examples: tuple[Example, ...]  # those that are timed, then those that are only compared
    timed: int
    passes: int
    starts: int
    timeout_s: float
    logs: Path
    partner: str = STOCK  # what each round's second process runs
    # A checkout whose code the second process runs instead, as the same combination; it is what answers are compared
    # with. Its plugins are the same ones there.
    other_code: Path | None = None
    other_plugins: tuple[str, ...] = ()
    keep_heap: bool = True  # its processes keep the memory that they free
    peer_python: str | None = None  # the interpreter that runs peers
    weigh_each: bool = False  # memory in every round, not in a combination's first alone
    lengthened: bool = True  # on a GPU a pass answers its texts as often as it takes to last


# A timed process makes about four passes over the timed texts for what they are made of and the evidence, while the one
# that is weighed makes one.
_PASSES_AHEAD = 3
_LONGEST_NAME = 200  # bytes of a log's name


@dataclass(frozen=True)
class _Round:
    """What a round gave."""

    samples: dict[Cell, Samples]
    noise: Conditions | None  # None where nothing was timed
    course: Course
    evidence: Sequence[Evidence]


class LocalExecutor:
    """Runs rounds here, one pair of processes after another."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._owing: set[str] = set()  # combinations whose first round broke before it gave what only a first one gives

    def reference(self) -> tuple[Reference, dict[str, Any]]:
        """The baseline's answers, untimed, and what its process says of itself and of the device.

        Raises:
            WorkerError: the baseline cannot answer.
        """
        with ExitStack() as stack:
            worker = self._start(BASELINE, "reference", self._deadline(), stack)
            ready = worker.hear(say.Ready)
            logits = str(self._logits())
            everything = list(range(len(self._settings.examples)))
            answered = worker.ask(say.Answer(everything, marks=True, logits_to=logits), say.Answered)
            try:
                measured = worker.ask(say.MeasureCeilings(), say.CeilingsMeasured)
                device = {CEILINGS: to_builtins(measured.ceilings)}
            except WorkerError as error:  # a run needs them for its roofline alone
                device = {NO_CEILINGS: f"{error.kind}: {error}"}
        return Reference(answered.answers, answered.marks), {**ready.facts, **device}

    def other_problem(self, combination: str, *, answering: bool = True) -> str | None:
        """Why the other code, alone, does not come up; or does not answer with all its optimizations active."""
        try:
            with ExitStack() as stack:
                deadline, code = self._deadline(), self._settings.other_code
                worker = self._start(combination, f"{combination}.other", deadline, stack, code)
                worker.hear(say.Ready)
                if not answering:
                    return None
                worker.ask(say.Answer(), say.Answered)
                said = idle(worker.ask(say.Prove(), say.Proved).evidence)
        except WorkerError as error:
            return f"skipped: {error}" if error.kind == "unavailable" else f"failed ({error.kind}): {error}"
        return f"failed (inactive): {said}" if said else None

    def round(self, planned: Planned, number: int, reference: Reference) -> list[Record]:
        """Measure all scenarios of a combination once; what goes wrong is a record too."""
        if planned.reason:
            return [Skipped(cell, number, planned.reason) for cell in planned.cells]
        if planned.fault:
            return [Failed(cell, number, "error", planned.fault) for cell in planned.cells]
        first = number == 0 or planned.combination in self._owing
        self._owing.add(planned.combination)
        try:
            found = self._measure(planned, number, reference, first=first)
        except WorkerError as error:
            if error.kind == "unavailable":
                return [Skipped(cell, number, str(error)) for cell in planned.cells]
            return [Failed(cell, number, error.kind, str(error)) for cell in planned.cells]
        self._owing.discard(planned.combination)
        if said := idle(found.evidence):
            return [Failed(cell, number, "inactive", said) for cell in planned.cells]
        return [Measured(cell, number, found.samples[cell], found.noise, found.course) for cell in planned.cells]

    def _measure(self, planned: Planned, number: int, reference: Reference, *, first: bool) -> _Round:
        settings = self._settings
        clock = [time.monotonic()]
        cells = {cell.scenario: cell for cell in planned.cells}
        stream, cold = cells.get("single_stream"), "cold_start" in cells
        with ExitStack() as stack:
            start = self._starter(planned.combination, number, stack)
            starts = self._cold_starts(start) if first and cold else ColdStart()
            clock.append(time.monotonic())
            pair = Pair.start(start, own_first=number % 2 == 0)
            clock.append(time.monotonic())
            readings = [pair.look()]
            timed = self._time(pair, planned.cells, readings)
            noise = conditions(readings) if timed else None
            clock.append(time.monotonic())
            inspected = first and stream is not None
            # The same program takes as much memory in any two processes, to 1 MiB.
            weighs = inspected or (settings.weigh_each and stream is not None)
            roles = ROLES if settings.other_code else ROLES[:1]
            up = {role: _start_up(start, role) for role in roles if cold and not weighs}
            here, there = self._shares(reference) if inspected else ([], [])
            alone = cold or pair.gpu is not None
            weigh = partial(Weighing, start, roles if weighs else (), alone=alone, places=there)
            seen, weighing = self._taken_apart(pair, weigh) if inspected else (None, weigh())
            evidence = self._proved(pair.own, in_full=first)
            compared = pair.answers(roles, here) if here else {}
            weighed = weighing.results()
            answers = {
                cell: [replies for one in ours for replies in batched(one.answers, settings.timed)]
                for cell, (ours, _) in timed.items()
            }
            expected, theirs_too = reference.answers, {}
            if stream and (here or there):
                found = {
                    role: [
                        *of[0].answers[: settings.timed],
                        *_in_order(here, compared.get(role, []), there, weighed[role].answers),
                    ]
                    for role, of in zip(ROLES, timed[stream], strict=True)
                    if role in roles
                }
                answers[stream].append(found["own"])
                expected = found.get("partner", expected)
            elif settings.other_code and timed:
                expected = next(iter(timed.values()))[1][0].answers[: settings.timed]
            marks_of: MarksOf = reference.marks_of
            if settings.other_code and timed:
                marks_of = pair.marks_of_partner
                theirs_too = {"partner_scores": self._score(expected)} if stream else {}
            parity = {
                cell: parity_of(pair.own, passes, expected, marks_of, settings.examples)
                for cell, passes in answers.items()
            }
        if stream and seen:
            parity[stream] = replace(parity[stream], largest_logit_difference=seen.largest)
        clock.append(time.monotonic())
        if cold:
            for role, began in (up | {role: one.start for role, one in weighed.items()}).items():
                (starts.own if role == "own" else starts.partner).append(began)
        samples: dict[Cell, Samples] = {cell: starts for cell in planned.cells if cell.scenario == "cold_start"}
        for cell, (ours, theirs) in timed.items():
            if cell == stream:
                samples[cell] = SingleStream(
                    own_ns=[times for one in ours for times in batched(one.request_ns, settings.timed)],
                    partner_ns=[times for one in theirs for times in batched(one.request_ns, settings.timed)],
                    repeats=len(ours[0].request_ns) // settings.timed,
                    own_cpu_ns=[one.cpu_ns for one in ours],
                    own_energy_mj=[one.energy_mj for one in ours if one.energy_mj is not None],
                    own_heap_bytes=[one.heap_bytes for one in ours if one.heap_bytes is not None],
                    partner_heap_bytes=[one.heap_bytes for one in theirs if one.heap_bytes is not None],
                    parity=parity[cell],
                    memory=weighed["own"].memory if "own" in weighed else None,
                    partner_memory=weighed["partner"].memory if "partner" in weighed else None,
                    evidence=evidence,
                    scores=self._score(max(answers[cell], key=len)),
                    work=seen.work if seen else None,
                    profile=seen.profile if seen else None,
                    **theirs_too,
                )
            elif made := KINDS[cell.scenario].made:
                samples[cell] = made(cell, loads(ours), loads(theirs), parity[cell])
        return _Round(samples, noise, account(clock, timed.values(), pair), evidence)

    def _taken_apart(self, pair: Pair, weigh: Callable[[], Weighing]) -> tuple[say.Inspected, Weighing]:
        """What the combination's requests are made of, and the processes that are weighed.

        On a CPU both go on at once, each on a core; on a GPU the weighed ones start when it is free.
        """
        inspect = say.Inspect(str(self._logits()))
        if pair.gpu is not None:
            return pair.own.ask(inspect, say.Inspected), weigh()
        weighing = weigh()
        return pair.own.ask(inspect, say.Inspected), weighing

    def _proved(self, own: WorkerProcess, *, in_full: bool) -> list[Evidence]:
        """The evidence: of all timed texts, or of the longest and the shortest while these show it."""
        if not in_full:
            longest_first = sorted(range(self._settings.timed), key=lambda i: -len(self._settings.examples[i].text))
            few = list(dict.fromkeys((longest_first[0], longest_first[-1])))
            evidence = own.ask(say.Prove(few), say.Proved).evidence
            if not idle(evidence):
                return evidence
        return own.ask(say.Prove(), say.Proved).evidence

    def _shares(self, reference: Reference) -> tuple[list[int], list[int]]:
        """Of the texts that are only compared, those that a timed process answers, and those of the one weighed.

        Both work at once. The timed one is asked for more before: what its requests are made of, and the evidence.
        """
        settings = self._settings
        costs = [
            tokens(example, chains, padded=False)
            for example, chains in zip(settings.examples, reference.answers, strict=True)
        ]
        timed, rest = costs[: settings.timed], costs[settings.timed :]
        here, there = shared(rest, _PASSES_AHEAD * sum(timed), GIVING_BACK)
        return [settings.timed + place for place in here], [settings.timed + place for place in there]

    def _starter(self, combination: str, number: int, stack: ExitStack) -> Starter:
        """What starts the processes of a round, all with one deadline."""
        settings, deadline = self._settings, self._deadline()
        kept: Heap = "kept" if settings.keep_heap else "default"

        def start(role: str, *, heap: Heap | None = None) -> WorkerProcess:
            own = role == "own" or settings.other_code is not None
            name, code = combination if own else settings.partner, settings.other_code if role == "partner" else None
            return self._start(name, f"{combination}.{number}.{role}", deadline, stack, code, heap or kept)

        return start

    def _time(self, pair: Pair, cells: Sequence[Cell], readings: list[Reading]) -> dict[Cell, tuple[Passes, Passes]]:
        """The timed passes of each scenario."""
        timed: dict[Cell, tuple[Passes, Passes]] = {}
        for cell in cells:
            if KINDS[cell.scenario].in_passes:
                timed[cell] = self._time_one(cell, pair, readings)
        return timed

    def _time_one(self, cell: Cell, pair: Pair, readings: list[Reading]) -> tuple[list[say.Timed], list[say.Timed]]:
        """The timed passes of one scenario.

        On a CPU the two take turns at single requests, on the same cores: what slows a shared machine comes and goes
        within a pass, and on each core by itself. On a GPU at whole passes: its energy counter moves some times a
        second only, and going from one process to the other costs time there; so they are as long as it takes.

        A request that follows one of the other process is slower than one that follows its own, by more the shorter it
        is. So each process first answers, untimed, the text that a pass of its own would have had before.
        """
        settings = self._settings
        last = settings.timed - 1
        if cell.scenario == "single_stream" and pair.gpu is None:
            parts = [say.Time(places=[place], primed=[place - 1 if place else last]) for place in range(settings.timed)]
            with together((pair.own.pid, pair.partner.pid), settings.threads):
                return pair.time(parts, settings.passes, readings)
        primed = [last] if KINDS[cell.scenario].primed else []
        places, lengthened = list(range(settings.timed)), settings.lengthened and pair.gpu is not None
        whole = say.Time(cell.scenario, cell.clients, places, primed)
        return pair.time([whole], settings.passes, readings, lengthened=lengthened)

    def _cold_starts(self, start: Starter) -> ColdStart:
        """One start that makes what later ones find prepared, then those that the suite asks for, in turns."""
        starts = ColdStart(preparing=_start_up(start, "own"))  # one more of the combination comes with each round
        for i in range(self._settings.starts):
            for role in ROLES if i % 2 == 0 else ROLES[::-1]:
                (starts.own if role == "own" else starts.partner).append(_start_up(start, role))
        return starts

    def _start(
        self,
        combination: str,
        log: str,
        deadline: float,
        stack: ExitStack,
        code: Path | None = None,
        heap: Heap = "default",
    ) -> WorkerProcess:
        """A process on its way; its reply to the job is still to be heard."""
        settings = self._settings
        job = say.Job(
            combination=combination,
            checkpoint=settings.checkpoint,
            device=settings.device,
            threads=settings.threads,
            plugins=list(settings.plugins if code is None else settings.other_plugins),
            texts=[example.text for example in settings.examples],
            schemas=[json.dumps(example.schema, ensure_ascii=False) for example in settings.examples],
            timed=settings.timed,
            spawned_ns=time.monotonic_ns(),
        )
        name = log.replace("/", "_").replace(":", "_")
        if len(name.encode()) > _LONGEST_NAME:  # a file system takes 255 bytes
            name = f"{name[: _LONGEST_NAME // 4]}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"
        path = settings.logs / f"{name}.log"
        worker = WorkerProcess(path, deadline, code, heap=heap, peer=self._peer(combination))
        stack.callback(worker.close)
        worker.tell(job)
        return worker

    def _peer(self, combination: str) -> Launch | None:
        """How its process is started where it is a peer; its directory lies beside the logs."""
        settings = self._settings
        if not is_peer(combination) or settings.peer_python is None:
            return None
        directory = settings.logs / combination.replace(":", "_")
        directory.mkdir(exist_ok=True)
        return Launch(settings.peer_python, peer_file(combination), settings.threads, directory)

    def _score(self, answers: Sequence[Chains]) -> Scores | None:
        return score(answers, [example.gold for example in self._settings.examples[: len(answers)]])

    def _logits(self) -> Path:
        """Where the baseline's logits are."""
        return self._settings.logs / "logits.npz"

    def _deadline(self) -> float:
        return time.monotonic() + self._settings.timeout_s


def _start_up(start: Starter, role: str) -> StartUp:
    """One start, alone."""
    process = start(role, heap="returned")  # starts take the same as with the C library's own ways
    with blaming(role):
        began = process.hear(say.Ready).start
    process.close()
    return began


def _in_order(
    here: Sequence[int], ours: Sequence[Chains], there: Sequence[int], theirs: Sequence[Chains]
) -> list[Chains]:
    """The answers of two that shared the texts, by place."""
    by_place = dict(zip((*here, *there), (*ours, *theirs), strict=True))
    return [by_place[place] for place in sorted(by_place)]
