"""What a round gave, in the words of its records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from harness.conditions import Course
from harness.data.dataset import Example
from harness.measure.f1 import score
from harness.measure.quality import is_tie
from harness.record import Chains, Difference, Evidence, Load, Mark, Parity
from harness.run import protocol as say
from harness.run.pair import Pair
from harness.run.process import WorkerProcess
from harness.units import NS_PER_S

Passes = Sequence[say.Timed]
# Gives the logits near the threshold of the texts at some places.
MarksOf: TypeAlias = Callable[[list[int]], Sequence[Sequence[Mark]]]


def loads(passes: Passes) -> list[Load]:
    """The passes of a scenario with load."""
    return [
        Load(
            one.wall_ns,
            one.request_ns,
            one.wait_ns,
            one.batch_sizes,
            one.cuda_peak_bytes,
            one.cuda_allocated_peak_bytes,
        )
        for one in passes
    ]


def account(clock: Sequence[float], timed: Iterable[tuple[Passes, Passes]], pair: Pair) -> Course:
    """The account of a round from readings of the clock: begun, cold starts made, both warm, all timed, all done."""
    begun, started, warm, timed_all, done = clock
    measuring = sum(one.wall_ns for both in timed for passes in both for one in passes) / NS_PER_S
    return Course(
        cold_starts_s=started - begun,
        coming_up_s=warm - started,
        measuring_s=measuring,
        priming_s=max(0.0, timed_all - warm - measuring),
        checking_s=done - timed_all,
        warm_up_requests=pair.warm["own"].requests,
        steady=all(one.steady for one in pair.warm.values()),
    )


def idle(found: Sequence[Evidence]) -> str:
    """Which optimizations are not active, in words; none: nothing."""
    return "; ".join(f"{one.optimization} is not active: {one.summary}" for one in found if not one.active)


@dataclass(frozen=True)
class Reference:
    """The baseline's answers, and its logits near the threshold, per text."""

    answers: Sequence[Chains]
    marks: Sequence[Sequence[Mark]]

    def marks_of(self, places: Sequence[int]) -> list[Sequence[Mark]]:
        """The marks of the texts at some places."""
        return [self.marks[place] for place in places]


def parity_of(
    worker: WorkerProcess,
    passes: Sequence[Sequence[Chains]],
    expected: Sequence[Chains],
    marks_of: MarksOf,
    examples: Sequence[Example],
) -> Parity:
    """Compare every answer of each pass with what is expected; a text that differs runs once more for its logits.

    Args:
        worker: whose answers they are.
        passes: its answers.
        expected: per text.
        marks_of: of what is expected.
        examples: the texts.
    """
    differing: dict[int, list[Chains]] = {}  # each way in which a text was answered otherwise, once
    for answers in passes:
        for place, got in enumerate(answers):  # a timed pass has the first of them
            if got != expected[place] and got not in differing.setdefault(place, []):
                differing[place].append(got)
    places = list(differing)
    own_marks = worker.ask(say.MarkTexts(places), say.Marked).marks if places else []
    marks = marks_of(places) if places else []
    most = max(passes, key=len)
    agreement = score(most, expected[: len(most)])
    return Parity(
        texts=len(most),
        agreement=agreement.micro if agreement else None,
        differences=[
            Difference(
                id=examples[place].id,
                tie=is_tie(expected[place], got, theirs, ours),
                expected=list(expected[place]),
                got=list(got),
            )
            for place, theirs, ours in zip(places, marks, own_marks, strict=True)
            for got in differing[place]
        ],
    )
