"""The main loop: every round of every combination, its records appended before the next."""

from __future__ import annotations

import random
import time
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
    until: float | None = None,
    progress: Callable[[str, int], None] = lambda _, __: None,
) -> list[Record]:
    """Run the plan; each round has a newly drawn order.

    Args:
        plan: the combinations.
        rounds: how many each gets.
        executor: measures one round.
        reference: the baseline's answers.
        append: writes a record down.
        random_order: draws the orders.
        done: (combination, round) pairs that an interrupted run already has.
        until: no round is begun that, at the pace so far, would end after this time (by ``time.monotonic``).
        progress: told the combination whose round begins, and how many rounds are left with it.
    """
    orders = [(number, planned) for number in range(rounds) for planned in random_order.sample(plan, len(plan))]
    left = [(number, planned) for number, planned in orders if (planned.combination, number) not in done]
    records: list[Record] = []
    begun = time.monotonic()
    for count, (number, planned) in enumerate(left):
        now = time.monotonic()
        if until is not None and now + (now - begun) / max(count, 1) > until:
            break
        progress(planned.combination, len(left) - count)
        for record in executor.round(planned, number, reference):
            append(record)
            records.append(record)
    return records
