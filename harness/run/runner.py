"""The main loop: every round of every combination, its records appended before the next."""

from __future__ import annotations

import random
from collections.abc import Callable, Container, Sequence
from typing import Protocol

from harness.plan.cells import Planned
from harness.record import Line, Record
from harness.run.executors.local import Reference


class Executor(Protocol):
    """Runs one round somewhere."""

    def round(self, planned: Planned, number: int, reference: Reference) -> list[Record]:
        """The records of one round, one a cell; what went wrong is a record too."""
        ...


def run(
    plan: Sequence[Planned],
    rounds: int,
    executor: Executor,
    reference: Reference,
    *,
    append: Callable[[Line], None],
    random_order: random.Random,
    done: Container[tuple[str, int]] = (),
    progress: Callable[[str], None] = lambda _: None,
) -> list[Record]:
    """Run the plan, but for the (combination, round) pairs that are done; each round has a newly drawn order."""
    records: list[Record] = []
    for number in range(rounds):
        for planned in random_order.sample(plan, len(plan)):
            progress(planned.combination)
            if (planned.combination, number) in done:
                continue
            for record in executor.round(planned, number, reference):
                append(record)
                records.append(record)
    return records
