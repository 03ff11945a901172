"""A round on this machine: a fresh pair of processes, the combination and its partner `stock`."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from harness.data.dataset import Example
from harness.measure.f1 import score
from harness.measure.quality import is_tie
from harness.plan.cells import Planned
from harness.record import (
    BASELINE,
    STOCK,
    Cell,
    Chains,
    ClosedLoop,
    ColdStart,
    Difference,
    Failed,
    Load,
    Mark,
    Measured,
    Offline,
    Parity,
    Record,
    Samples,
    SingleStream,
    Skipped,
)
from harness.run import protocol as say
from harness.run.process import WorkerError, WorkerProcess


@dataclass(frozen=True)
class Settings:
    """What all rounds of a run have in common."""

    checkpoint: str
    device: str
    threads: int
    plugins: tuple[str, ...]
    examples: tuple[Example, ...]
    passes: int
    clients: int
    timeout_s: float
    logs: Path


@dataclass(frozen=True)
class Reference:
    """The baseline's answers, and its logits near the threshold, per text."""

    answers: Sequence[Chains]
    marks: Sequence[Sequence[Mark]]


class LocalExecutor:
    """Runs rounds here, one pair of processes after another."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def reference(self) -> tuple[Reference, dict[str, str]]:
        """The baseline's answers, untimed, and what its process says of itself.

        Raises:
            WorkerError: the baseline cannot answer.
        """
        with ExitStack() as stack:
            worker, ready = self._start(BASELINE, "reference", self._deadline(), stack)
            answered = worker.ask(say.Answer(marks=True), say.Answered)
        return Reference(answered.answers, answered.marks), ready.facts

    def round(self, planned: Planned, number: int, reference: Reference) -> list[Record]:
        """Measure all scenarios of a combination once; what goes wrong is a record too."""
        if planned.reason:
            return [Skipped(cell, number, planned.reason) for cell in planned.cells]
        try:
            samples = self._measure(planned, number, reference)
        except WorkerError as error:
            if error.kind == "unavailable":
                return [Skipped(cell, number, str(error)) for cell in planned.cells]
            return [Failed(cell, number, error.kind, str(error)) for cell in planned.cells]
        return [_record(cell, number, samples[cell.scenario]) for cell in planned.cells]

    def _measure(self, planned: Planned, number: int, reference: Reference) -> dict[str, Samples]:
        deadline = self._deadline()
        own_first = number % 2 == 0
        with ExitStack() as stack:
            pair: dict[str, tuple[WorkerProcess, say.Ready]] = {}
            for role in ("own", "partner") if own_first else ("partner", "own"):
                try:
                    combination = planned.combination if role == "own" else STOCK
                    log = f"{planned.cells[0].combination}.{number}.{role}"
                    pair[role] = self._start(combination, log, deadline, stack)
                except WorkerError as error:
                    raise _whose(role, error) from error
            (own, own_ready), (partner, partner_ready) = pair["own"], pair["partner"]
            own.ask(say.Answer(), say.Answered)
            _ask_partner(partner, say.Answer(), say.Answered)
            timed = {
                cell.scenario: self._timed(own, partner, cell.scenario, own_first=own_first)
                for cell in planned.cells
                if cell.scenario != "cold_start"
            }
            memory = own.ask(say.Weigh(), say.Weighed).memory
            parity = {
                name: self._parity(own, [one.answers for one in ours], reference) for name, (ours, _) in timed.items()
            }
            evidence = own.ask(say.Prove(), say.Proved).evidence
        samples: dict[str, Samples] = {"cold_start": ColdStart(own_ready.start, partner_ready.start)}
        for name, (ours, theirs) in timed.items():
            if name == "single_stream":
                samples[name] = SingleStream(
                    own_ns=[one.request_ns for one in ours],
                    partner_ns=[one.request_ns for one in theirs],
                    parity=parity[name],
                    memory=memory,
                    evidence=evidence,
                    scores=score(ours[0].answers, [example.gold for example in self._settings.examples]),
                )
            elif name == "closed_loop":
                samples[name] = ClosedLoop(self._settings.clients, _loads(ours), _loads(theirs), parity[name])
            else:
                samples[name] = Offline(_loads(ours), _loads(theirs), parity[name])
        return samples

    def _timed(
        self, own: WorkerProcess, partner: WorkerProcess, scenario: str, *, own_first: bool
    ) -> tuple[list[say.Timed], list[say.Timed]]:
        """The passes of one scenario, the combination's and its partner's in turns."""
        ours: list[say.Timed] = []
        theirs: list[say.Timed] = []
        command = say.Time(scenario, self._settings.clients)  # type: ignore[arg-type]  # cold_start is no pass
        for is_own in _order(self._settings.passes, own_first=own_first):
            if is_own:
                ours.append(own.ask(command, say.Timed))
            else:
                theirs.append(_ask_partner(partner, command, say.Timed))
        return ours, theirs

    def _parity(self, worker: WorkerProcess, passes: Sequence[Sequence[Chains]], reference: Reference) -> Parity:
        """Compare every timed answer with the baseline's; a text that differs is run once more for its logits."""
        examples = self._settings.examples
        differing: dict[int, Chains] = {}
        for answers in passes:
            for place, (expected, got) in enumerate(zip(reference.answers, answers, strict=True)):
                if expected != got:
                    differing.setdefault(place, got)
        marks = worker.ask(say.MarkTexts(list(differing)), say.Marked).marks if differing else []
        return Parity(
            texts=len(examples),
            differences=[
                Difference(
                    id=examples[place].id,
                    tie=is_tie(reference.answers[place], got, reference.marks[place], own_marks),
                    expected=list(reference.answers[place]),
                    got=list(got),
                )
                for (place, got), own_marks in zip(differing.items(), marks, strict=True)
            ],
        )

    def _start(self, combination: str, log: str, deadline: float, stack: ExitStack) -> tuple[WorkerProcess, say.Ready]:
        settings = self._settings
        job = say.Job(
            combination=combination,
            checkpoint=settings.checkpoint,
            device=settings.device,
            threads=settings.threads,
            plugins=list(settings.plugins),
            texts=[example.text for example in settings.examples],
            schemas=[json.dumps(example.schema, ensure_ascii=False) for example in settings.examples],
            spawned_ns=time.monotonic_ns(),
        )
        worker = WorkerProcess(settings.logs / f"{log}.log", deadline)
        stack.callback(worker.close)
        return worker, worker.ask(job, say.Ready)

    def _deadline(self) -> float:
        return time.monotonic() + self._settings.timeout_s


def _loads(passes: Sequence[say.Timed]) -> list[Load]:
    return [Load(one.wall_ns, one.request_ns) for one in passes]


def _order(passes: int, *, own_first: bool) -> Iterator[bool]:
    """Whose pass is next (True: the combination's): A B B A A B B A …, so that a drift hits both alike."""
    for i in range(passes):
        ahead = own_first == (i % 2 == 0)
        yield from (ahead, not ahead)


def _ask_partner(partner: WorkerProcess, command: say.Command, expected: type[say.R]) -> say.R:
    try:
        return partner.ask(command, expected)
    except WorkerError as error:
        raise _whose("partner", error) from error


def _whose(role: str, error: WorkerError) -> WorkerError:
    return (
        WorkerError("partner", f"the partner {STOCK!r} broke ({error.kind}): {error}") if role == "partner" else error
    )


def _record(cell: Cell, number: int, samples: Samples) -> Record:
    if isinstance(samples, SingleStream) and (idle := [e for e in samples.evidence if not e.active]):
        said = "; ".join(f"{evidence.optimization} is not active: {evidence.summary}" for evidence in idle)
        return Failed(cell, number, "inactive", said)
    return Measured(cell, number, samples)
