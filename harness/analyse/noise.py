"""Whether anything beside the measurement took part in it, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.conditions import Conditions
from harness.record import Measured, Record

# Of a core, on average over a round. A program that takes this much of one of few cores shifts a mean by about as much
# as the least difference that a verdict speaks of.
TOLERATED_CORES = 0.05


def noise(records: Sequence[Record]) -> list[str]:
    """A sentence for each kind of disturbance, with how often it was there and what to do; one if there was none."""
    rounds = {
        (record.cell.combination, record.round): record.conditions
        for record in records
        if isinstance(record, Measured) and record.conditions
    }
    if not rounds:
        return []
    found = [*_on_processor(list(rounds.values())), *_on_gpu(list(rounds.values()))]
    return found or [
        f"In none of {len(rounds)} rounds did anything else take more than {TOLERATED_CORES:.0%} of a core."
    ]


def _on_processor(rounds: Sequence[Conditions]) -> Iterator[str]:
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


def _on_gpu(rounds: Sequence[Conditions]) -> Iterator[str]:
    seen = [one.gpu for one in rounds if one.gpu]
    if throttled := [gpu for gpu in seen if gpu.throttled]:
        why = ", ".join(sorted({reason for gpu in throttled for reason in gpu.throttled}))
        yield (
            f"The GPU slowed itself down in {len(throttled)} of {len(rounds)} rounds ({why}): lock its clocks "
            "(nvidia-smi --lock-gpu-clocks), or cool it."
        )
    if shared := [gpu for gpu in seen if gpu.foreign_processes]:
        yield (
            f"Other processes used the GPU in {len(shared)} of {len(rounds)} rounds (up to "
            f"{max(gpu.foreign_processes for gpu in shared)}): end them, or measure on another device."
        )
