"""The results of the self-check, from its records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.errors import UiebenchError
from harness.record import STOCK, Failed, Header, Measured, Record
from harness.selfcheck.check import LONG_RUN, rounds_of_each
from harness.selfcheck.judge import RUNS_OF, Target, judge, streams
from harness.selfcheck.planted import Plant, plants
from harness.selfcheck.rates import Runs, runs
from harness.selfcheck.signs import Sign, spread

CHECKS = 20  # drawn from the recorded rounds for a planted fault that concerns the whole check
DRAWN = 200  # runs drawn from the recorded rounds for a rate that is only shown


class SelfcheckError(UiebenchError):
    """Too many rounds failed to judge anything."""

    failed = True


@dataclass(frozen=True)
class Findings:
    """The results of the self-check."""

    rounds: int  # of identical processes
    deviation: Sign  # of the log ratio between them
    targets: tuple[Target, ...]
    plants: tuple[Plant, ...]
    runs: tuple[Runs, ...]
    failures: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether no target is missed, and no planted fault."""
        return all(one.kept for one in self.targets) and all(one.kept for one in self.plants) and not self.failures


def findings(header: Header, records: Sequence[Record], *, checks: int = CHECKS, drawn: int = DRAWN) -> Findings:
    """Judge the rounds of identical processes by their targets, and count how often planted faults were seen.

    Args:
        header: of the self-check's run.
        records: of the run.
        checks: how many are drawn from its rounds for each planted fault that concerns the whole check.
        drawn: how many runs are drawn from its rounds for a rate that is only shown.

    Raises:
        SelfcheckError: (nearly) all rounds of identical processes, or of a planted fault, failed.
    """
    measured: dict[str, list[Measured]] = {}
    for record in records:
        if isinstance(record, Measured):
            measured.setdefault(record.cell.combination, []).append(record)
    for name, fewest in rounds_of_each(LONG_RUN, header.device).items():
        if len(measured.get(name, [])) < fewest:
            raise SelfcheckError(f"there is nothing to judge: {_why_too_few(records, name)}")
    planted = plants(header, measured, checks)
    alarms = [alarm for alarm in (one.alarm for one in planted) if alarm]
    identical = measured[STOCK]
    return Findings(
        rounds=len(identical),
        deviation=spread(streams(identical)),
        targets=judge(header, identical, alarms),
        plants=tuple(planted),
        runs=tuple(runs(header, identical, of, drawn=drawn) for of in RUNS_OF if len(identical) >= of),
        failures=tuple(f"{one.cell.combination}: {one.error}" for one in records if isinstance(one, Failed)),
    )


def _why_too_few(records: Sequence[Record], name: str) -> str:
    of = [record for record in records if record.cell.combination == name]
    failed = [record for record in of if isinstance(record, Failed)]
    why = f" ({failed[-1].kind}): {failed[-1].error}" if failed else ""
    return f"{len(failed)} of {len(of)} rounds of {name} failed{why}; their output is in logs/ of the run"
