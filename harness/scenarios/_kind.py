"""What is known of a scenario before anything is measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.record import Cell, Load, Parity, Samples, Scenario


@dataclass(frozen=True)
class Rate:
    """How the rate of a scenario under load is called, each time given the number of clients."""

    unit: str  # of a column
    asked: Callable[[int], str]  # how the texts are put
    preposition: str  # in front of that, in a sentence
    name: Callable[[int], str]  # in files of other programs
    key: Callable[[int], str]  # in our own

    def column(self, clients: int) -> str:
        """The column of the main table."""
        return f"{self.unit} ({self.asked(clients)})"

    def how(self, clients: int) -> str:
        """How the texts are put, after a rate."""
        return f"{self.preposition} {self.asked(clients)}"


@dataclass(frozen=True)
class Kind:
    """One scenario."""

    name: Scenario
    samples: type[Samples]
    in_passes: bool = True  # answers all texts in timed passes, whose answers are compared
    per_clients: bool = False  # measured once for each number of clients that a suite names
    primed: bool = True  # a pass follows an untimed request; else it has a beginning of its own
    rate: Rate | None = None  # only under load
    # Only under load: the samples of a round, from the loads of the combination and of its partner.
    made: Callable[[Cell, list[Load], list[Load], Parity], Samples] | None = None
