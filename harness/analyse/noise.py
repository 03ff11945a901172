"""Whether anything disturbed the measurement, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from harness.conditions import Conditions, GpuConditions
from harness.record import Measured, Record

# A share of a core, on average over a round, on machines with up to two cores. A program that takes this much shifts a
# mean by about the least difference that gets a verdict. On more cores, it meets our processes less often.
TOLERATED_CORES, _FEW = 0.05, 2
# How far a GPU's clock in a round may be from the run's, as a share. Times follow the clock, so this is three times the
# least difference that gets a verdict. Boost clocks vary by less without a disturbance.
TOLERATED_CLOCKS = 0.10
# It limits small cards whenever they are busy. If it disturbs, the clocks show it.
_POWER_CAP = "power cap"


def noise(records: Sequence[Record], cores: int | None = None) -> list[str]:
    """One sentence for each kind of disturbance, with its frequency and what to do; one sentence if there was none.

    Args:
        records: the run's.
        cores: of the machine; None if the run did not record it.
    """
    rounds = _conditions(records)
    if not rounds:
        return []
    found = [*_on_processor(list(rounds.values()), cores), *_on_gpu(list(rounds.values()))]
    return found or [
        f"Nothing else took more than {_tolerated(cores):.0%} of a core in "
        f"{'the only round' if len(rounds) == 1 else f'any of the {len(rounds)} rounds'}."
    ]


def caution(records: Sequence[Record], cores: int | None = None) -> str:
    """A caution for the verdict if rounds were disturbed and each combination has only one; else empty."""
    rounds = _conditions(records)
    mhz = _usual_mhz([one.gpu for one in rounds.values() if one.gpu])
    disturbed = sum(
        max(one.foreign_cores, one.stolen_cores) > _tolerated(cores)
        or (one.gpu is not None and bool(_slowed_by(one.gpu) or one.gpu.foreign_processes or _is_off(one.gpu, mhz)))
        for one in rounds.values()
    )
    if not disturbed or any(number for _, number in rounds):
        return ""
    return (
        f"Be careful: {disturbed} of {len(rounds)} rounds {'was' if disturbed == 1 else 'were'} disturbed. With one "
        "round for each combination, the intervals assume that no round was. Measure again on a quiet machine, or take "
        "more rounds."
    )


def _conditions(records: Sequence[Record]) -> dict[tuple[str, int], Conditions]:
    """By combination and number of the round. All scenarios of a round have the same."""
    return {
        (record.cell.combination, record.round): record.conditions
        for record in records
        if isinstance(record, Measured) and record.conditions
    }


def _tolerated(cores: int | None) -> float:
    """Of a core."""
    return TOLERATED_CORES * max(1.0, (cores or _FEW) / _FEW)


def _slowed_by(gpu: GpuConditions) -> list[str]:
    """What slowed a GPU down, apart from its normal power cap."""
    return [reason for reason in gpu.throttled if reason != _POWER_CAP]


def _usual_mhz(seen: Sequence[GpuConditions]) -> float:
    """The median of the clocks that a run read, in MHz; 0 if there are none."""
    readings = [mhz for gpu in seen for mhz in gpu.mhz]
    return median(readings) if readings else 0.0


def _is_off(gpu: GpuConditions, usual_mhz: float) -> bool:
    """Whether a GPU's clock in a round differed from its usual one."""
    return bool(gpu.mhz) and abs(median(gpu.mhz) - usual_mhz) > TOLERATED_CLOCKS * usual_mhz


def _on_processor(rounds: Sequence[Conditions], cores: int | None) -> Iterator[str]:
    for what, shares, advice in (
        ("Other programs took", [one.foreign_cores for one in rounds], "close them, or measure on an idle machine"),
        (
            "The hypervisor gave other machines",
            [one.stolen_cores for one in rounds],
            "measure on a machine that does not share its cores, or take more rounds",
        ),
    ):
        disturbed = [share for share in shares if share > _tolerated(cores)]
        if disturbed:
            yield (
                f"{what} more than {_tolerated(cores):.0%} of a core in {len(disturbed)} of {len(rounds)} rounds "
                f"(up to {max(disturbed):.0%}): {advice}."
            )
    if crowded := [one.load_average for one in rounds if cores is not None and one.load_average > cores]:
        yield (
            f"In the minute before {len(crowded)} of {len(rounds)} rounds, more programs wanted to run than there are "
            f"cores ({cores}; load average up to {max(crowded):.1f}): end them, or use fewer --threads."
        )


def _on_gpu(rounds: Sequence[Conditions]) -> Iterator[str]:
    seen = [one.gpu for one in rounds if one.gpu]
    if slowed := [reasons for gpu in seen if (reasons := _slowed_by(gpu))]:
        why = ", ".join(sorted({reason for reasons in slowed for reason in reasons}))
        yield (
            f"The GPU slowed itself down in {len(slowed)} of {len(rounds)} rounds ({why}): lock its clocks "
            "(nvidia-smi --lock-gpu-clocks), or cool it."
        )
    usual = _usual_mhz(seen)
    if off := [median(gpu.mhz) for gpu in seen if _is_off(gpu, usual)]:
        yield (
            f"The GPU's clock was more than {TOLERATED_CLOCKS:.0%} away from the run's median of {usual:.0f} MHz in "
            f"{len(off)} of {len(rounds)} rounds ({min(off):.0f} to {max(off):.0f} MHz): lock it (nvidia-smi "
            "--lock-gpu-clocks), or take more rounds."
        )
    if shared := [gpu for gpu in seen if gpu.foreign_processes]:
        yield (
            f"Other processes used the GPU in {len(shared)} of {len(rounds)} rounds (up to "
            f"{max(gpu.foreign_processes for gpu in shared)}): end them, or measure on another device."
        )
