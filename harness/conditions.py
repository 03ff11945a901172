"""What else happened while a round was measured, and where its time went."""

from __future__ import annotations

import msgspec


class GpuConditions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What happened on a GPU while a round was timed."""

    mhz: list[int]  # of its multiprocessors, at each reading
    throttled: list[str]  # what slowed it down
    foreign_processes: int
    energy_j: float | None  # of everything on it; None where the driver does not count


class Conditions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What else happened on the machine while a round was timed, in cores kept busy on average."""

    foreign_cores: float  # by other programs
    stolen_cores: float  # by the hypervisor, for other machines
    load_average: float  # of the minute before
    gpu: GpuConditions | None = None
    worst_cores: float | None = None  # by either, in the worst stretch between readings; None in a round of one


class Course(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the wall time of a round went, in seconds, and how its processes warmed up."""

    cold_starts_s: float  # those that the suite asks for, each alone
    coming_up_s: float  # both processes, until both are warm
    measuring_s: float  # inside timed passes, of either partner
    checking_s: float  # memory, answers, evidence
    warm_up_requests: int  # of the combination's process, after each text was answered once
    steady: bool  # whether both processes' times had settled by then
    # Untimed requests between the timed ones, so that each follows one of its own process. Records from before they
    # were made have them nowhere, and what loads begin with in `checking_s`.
    priming_s: float = 0.0

    @property
    def total_s(self) -> float:
        """The whole round."""
        return self.cold_starts_s + self.coming_up_s + self.priming_s + self.measuring_s + self.checking_s
