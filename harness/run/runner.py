"""The main loop: runs rounds one by one, and appends the records of each before the next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec.structs import replace

from harness.plan.cells import Planned
from harness.record import Line, Record
from harness.run.executors.recorded import Reference


class Executor(Protocol):
    """Runs one round somewhere."""

    def round(self, planned: Planned, number: int, reference: Reference) -> list[Record]:
        """The records of one round, one per cell; a failure is a record too."""
        ...


class Rounds(Protocol):
    """Says which round comes next."""

    def next(self, records: Sequence[Record]) -> tuple[Planned, int, int] | None:
        """The combination, the round's number, and the number of rounds left with it; None if there are enough.

        Args:
            records: all records so far.
        """
        ...


def run(
    rounds: Rounds,
    executor: Executor,
    reference: Reference,
    *,
    append: Callable[[Line], None],
    done: Sequence[Record] = (),
    progress: Callable[[str, int], None] = lambda _, __: None,
) -> list[Record]:
    """Run round after round.

    Args:
        rounds: chooses the rounds.
        executor: measures a round.
        reference: the baseline's answers.
        append: writes a record.
        done: the records that an interrupted run already has.
        progress: called before a round with its combination and the number of rounds left, this one included.

    Returns:
        All records, those of the interrupted run first.
    """
    records = list(done)
    while (drawn := rounds.next(records)) is not None:
        planned, number, left = drawn
        progress(planned.combination, left)
        for record in executor.round(planned, number, reference):
            if planned.confirming:
                record = replace(record, confirming=True)
            append(record)
            records.append(record)
    return records
