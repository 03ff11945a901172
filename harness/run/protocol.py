"""The messages between a runner and its workers: JSON lines over a separate pipe."""

from __future__ import annotations

from typing import TypeAlias, TypeVar

import msgspec

from harness.profile import Profile
from harness.record import Chains, Evidence, Mark, Memory, Scenario, StartUp
from harness.run.pipe import Told
from harness.work import Ceilings, PassWork

# The version of these messages, also for `harness.gate.planned`. Increase it when a message changes, so that a gate
# refuses a revision with other messages.
PROTOCOL = 6


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of every line on the pipe; the tag gives its kind."""


class Job(Message, frozen=True, tag="job"):
    """The first line to a worker: what to load, and the texts for all commands."""

    combination: str  # `baseline`, `stock`, or optimizations as `harness.plan.combination` writes them
    checkpoint: str
    device: str
    threads: int
    plugins: list[str]
    texts: list[str]
    schemas: list[str]  # as JSON text, so that a key order is kept
    timed: int  # the first `timed` texts are timed and used for evidence; the others are only answered
    spawned_ns: int  # CLOCK_MONOTONIC of the parent, just before the spawn


class WarmUp(Message, frozen=True, tag="warm_up"):
    """Answer each timed text once, then continue until the time of a request has settled."""


class Answer(Message, frozen=True, tag="answer"):
    """Answer the texts, untimed."""

    places: list[int] = []  # indices of texts; empty: all timed ones
    marks: bool = False  # also report the logits near the threshold
    logits_to: str | None = None  # a file to save all logits in, with the marks


class Time(Message, frozen=True, tag="time"):
    """Answer texts once, timed from text in to spans out."""

    scenario: Scenario = "single_stream"
    clients: int = 1  # of closed_loop
    places: list[int] = []  # indices of texts; empty: all timed ones
    primed: list[int] = []  # indices of texts answered just before, untimed; not for closed loops


class MarkTexts(Message, frozen=True, tag="mark_texts"):
    """Answer these texts (by place) once more, for their logits near the threshold."""

    places: list[int]


class Inspect(Message, frozen=True, tag="inspect"):
    """Answer the timed texts once more: compare their logits with saved ones, and count the work."""

    path: str


class MeasureCeilings(Message, frozen=True, tag="measure_ceilings"):
    """Measure the device's ceilings."""


class Prove(Message, frozen=True, tag="prove"):
    """Take the evidence of every optimization of the combination, in an untimed pass."""

    places: list[int] = []  # indices of texts; empty: all timed ones


class Weigh(Message, frozen=True, tag="weigh"):
    """Report the memory of the process."""


class Ready(Message, frozen=True, tag="ready"):
    """The worker is up and has answered the fixed first request."""

    start: StartUp
    facts: dict[str, str]


class Warm(Message, frozen=True, tag="warm"):
    """The worker has seen all texts."""

    requests: int  # additional requests until its time had settled
    steady: bool  # whether the time had settled


class Answered(Message, frozen=True, tag="answered"):
    """An answer per text, and their marks if requested."""

    answers: list[Chains]
    marks: list[list[Mark]] = []


class Timed(Message, frozen=True, tag="timed"):
    """A pass or a part of it: total nanoseconds, those per text (none for offline), and the timed answers."""

    wall_ns: int
    cpu_ns: int  # of all threads of the process
    request_ns: list[int]
    answers: list[Chains]
    energy_mj: int | None = None  # of the GPU during the pass; None if the driver does not count it
    # For a closed loop: how long each request waited for the server, and the size of each batch of requests.
    wait_ns: list[int] = []
    batch_sizes: list[int] = []
    heap_bytes: int | None = None  # for a single stream: the bytes in use on the worker's heap afterwards
    # Peaks on the GPU in a pass under load; None on a CPU.
    cuda_peak_bytes: int | None = None
    cuda_allocated_peak_bytes: int | None = None


class Marked(Message, frozen=True, tag="marked"):
    """The marks of the texts asked for, in that order."""

    marks: list[list[Mark]]


class Inspected(Message, frozen=True, tag="inspected"):
    """The work of answering the texts once, and how far the logits are from the saved ones."""

    largest: float | None  # over the prompts that both have; None if there is none
    work: PassWork | None  # None if in several precisions, or if the process is a peer, whose work is not seen
    profile: Profile | None  # None for a peer


class CeilingsMeasured(Message, frozen=True, tag="ceilings_measured"):
    """The device's ceilings."""

    ceilings: Ceilings


class Proved(Message, frozen=True, tag="proved"):
    """The evidence, one for each optimization."""

    evidence: list[Evidence]


class Weighed(Message, frozen=True, tag="weighed"):
    """The memory of the process so far."""

    memory: Memory


class Fault(Message, frozen=True, tag="fault"):
    """The worker could not carry out a command."""

    kind: Told
    error: str


Command: TypeAlias = Job | WarmUp | Answer | Time | MarkTexts | Inspect | MeasureCeilings | Prove | Weigh
Reply: TypeAlias = Ready | Warm | Answered | Timed | Marked | Inspected | CeilingsMeasured | Proved | Weighed | Fault

R = TypeVar("R", bound=Message)  # a kind of reply

_ENCODER = msgspec.json.Encoder()
_COMMAND = msgspec.json.Decoder(Command)
_REPLY = msgspec.json.Decoder(Reply)


def to_line(message: Command | Reply) -> bytes:
    """One line; JSON text holds no raw newline."""
    return _ENCODER.encode(message) + b"\n"


def read_command(line: bytes) -> Command:
    """The command on a line."""
    command: Command = _COMMAND.decode(line)
    return command


def read_reply(line: bytes) -> Reply:
    """The reply on a line."""
    reply: Reply = _REPLY.decode(line)
    return reply
