"""Whether anything beside the measurement took part in it, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.conditions import Conditions
from harness.record import Measured, Record

# Of a core, on average over a round. A program that takes this much of one of few cores shifts a mean by about as much
# as the least difference that a verdict speaks of.
TOLERATED_CORES = 0.05
# Of a GPU's clocks between any two readings. Times go as the clock does, so this is three times the least difference
# that a verdict speaks of; boost clocks move by less on their own.
TOLERATED_CLOCKS = 0.10


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
        f"In none of {len(rounds)} rounds did anything else take more than {TOLERATED_CORES:.0%} of a core."
    ]


def caution(records: Sequence[Record]) -> str:
    """What to say with a verdict from disturbed rounds, of which each combination has but one; else nothing."""
    rounds = _conditions(records)
    disturbed = sum(map(_is_disturbed, rounds.values()))
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


def _is_disturbed(found: Conditions) -> bool:
    on_gpu = found.gpu is not None and bool(found.gpu.throttled or found.gpu.foreign_processes)
    return max(found.foreign_cores, found.stolen_cores) > TOLERATED_CORES or on_gpu


def _on_processor(rounds: Sequence[Conditions], cores: int | None) -> Iterator[str]:
    for what, shares, advice in (
        ("Other programs took", [one.foreign_cores for one in rounds], "close them, or measure on an idle machine"),
        (
            "The hypervisor gave other machines",
            [one.stolen_cores for one in rounds],
            "measure on a machine that shares its cores with no other, or take more rounds",
        ),
    ):
        disturbed = [share for share in shares if share > TOLERATED_CORES]
        if disturbed:
            yield (
                f"{what} more than {TOLERATED_CORES:.0%} of a core in {len(disturbed)} of {len(rounds)} rounds "
                f"(up to {max(disturbed):.0%}): {advice}."
            )
    if crowded := [one.load_average for one in rounds if cores is not None and one.load_average > cores]:
        yield (
            f"More programs wanted to run than there are cores ({cores}) in the minute before {len(crowded)} of "
            f"{len(rounds)} rounds (load average up to {max(crowded):.1f}): end them, or take fewer --threads."
        )


def _on_gpu(rounds: Sequence[Conditions]) -> Iterator[str]:
    seen = [one.gpu for one in rounds if one.gpu]
    if throttled := [gpu for gpu in seen if gpu.throttled]:
        why = ", ".join(sorted({reason for gpu in throttled for reason in gpu.throttled}))
        yield (
            f"The GPU slowed itself down in {len(throttled)} of {len(rounds)} rounds ({why}): lock its clocks "
            "(nvidia-smi --lock-gpu-clocks), or cool it."
        )
    clocks = [mhz for gpu in seen for mhz in gpu.mhz]
    if clocks and max(clocks) > min(clocks) * (1 + TOLERATED_CLOCKS):
        yield (
            f"The GPU's clocks lay between {min(clocks)} and {max(clocks)} MHz, more than {TOLERATED_CLOCKS:.0%} "
            "apart: lock them (nvidia-smi --lock-gpu-clocks), or take more rounds."
        )
    if shared := [gpu for gpu in seen if gpu.foreign_processes]:
        yield (
            f"Other processes used the GPU in {len(shared)} of {len(rounds)} rounds (up to "
            f"{max(gpu.foreign_processes for gpu in shared)}): end them, or measure on another device."
        )
