"""Whether anything beside the measurement took part in it, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from harness.conditions import Conditions, GpuConditions
from harness.record import Measured, Record

# Of a core, on average over a round, of machines with up to two. A program that takes this much of one of few cores
# shifts a mean by about as much as the least difference that a verdict speaks of. With more cores it meets ours less.
TOLERATED_CORES, _FEW = 0.05, 2
# Of a GPU's clock in a round, from that of the run. Times go as the clock does, so this is three times the least
# difference that a verdict speaks of; boost clocks move by less on their own.
TOLERATED_CLOCKS = 0.10
# It keeps small cards below their watts whenever they are busy. Whether it disturbs shows in the clocks.
_POWER_CAP = "power cap"


def noise(records: Sequence[Record], cores: int | None = None) -> list[str]:
    """A sentence for each kind of disturbance, with how often it was there and what to do; one if there was none.

    Args:
        records: the run's.
        cores: of the machine; None where the run does not know.
    """
    rounds = _conditions(records)
    if not rounds:
        return []
    found = [*_on_processor(list(rounds.values()), cores), *_on_gpu(list(rounds.values()))]
    return found or [
        f"In none of {len(rounds)} rounds did anything else take more than {_tolerated(cores):.0%} of a core."
    ]


def caution(records: Sequence[Record], cores: int | None = None) -> str:
    """What to say with a verdict from disturbed rounds, of which each combination has but one; else nothing."""
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
        f"Take this with care: {disturbed} of {len(rounds)} rounds were disturbed, and from one round each the "
        "intervals assume that none was; measure again on a quiet machine, or take more rounds."
    )


def _conditions(records: Sequence[Record]) -> dict[tuple[str, int], Conditions]:
    """By combination and number of the round; all its scenarios have the same."""
    return {
        (record.cell.combination, record.round): record.conditions
        for record in records
        if isinstance(record, Measured) and record.conditions
    }


def _tolerated(cores: int | None) -> float:
    """Of a core."""
    return TOLERATED_CORES * max(1.0, (cores or _FEW) / _FEW)


def _slowed_by(gpu: GpuConditions) -> list[str]:
    """What slowed a GPU down and is not its way to work."""
    return [reason for reason in gpu.throttled if reason != _POWER_CAP]


def _usual_mhz(seen: Sequence[GpuConditions]) -> float:
    """The median of a run's readings; 0 without any."""
    readings = [mhz for gpu in seen for mhz in gpu.mhz]
    return median(readings) if readings else 0.0


def _is_off(gpu: GpuConditions, usual_mhz: float) -> bool:
    """Whether a GPU ran at another clock in a round than it usually did."""
    return bool(gpu.mhz) and abs(median(gpu.mhz) - usual_mhz) > TOLERATED_CLOCKS * usual_mhz


def _on_processor(rounds: Sequence[Conditions], cores: int | None) -> Iterator[str]:
    for what, shares, advice in (
        ("Other programs took", [one.foreign_cores for one in rounds], "close them, or measure on an idle machine"),
        (
            "The hypervisor gave other machines",
            [one.stolen_cores for one in rounds],
            "measure on a machine that shares its cores with no other, or take more rounds",
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
            f"More programs wanted to run than there are cores ({cores}) in the minute before {len(crowded)} of "
            f"{len(rounds)} rounds (load average up to {max(crowded):.1f}): end them, or take fewer --threads."
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
            f"The GPU's clock was more than {TOLERATED_CLOCKS:.0%} off the run's median of {usual:.0f} MHz in "
            f"{len(off)} of {len(rounds)} rounds ({min(off):.0f} to {max(off):.0f} MHz): lock it (nvidia-smi "
            "--lock-gpu-clocks), or take more rounds."
        )
    if shared := [gpu for gpu in seen if gpu.foreign_processes]:
        yield (
            f"Other processes used the GPU in {len(shared)} of {len(rounds)} rounds (up to "
            f"{max(gpu.foreign_processes for gpu in shared)}): end them, or measure on another device."
        )
