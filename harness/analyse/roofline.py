"""How near a combination comes to what its device could do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec

from harness.errors import InputError
from harness.record import Header
from harness.work import Ceilings, PassWork, Work

# In what a run's worker said of itself: what the device can do, or why that could not be measured.
CEILINGS, NO_CEILINGS = "ceilings", "no_ceilings"


@dataclass(frozen=True)
class Share:
    """A combination under the roofline."""

    request: Work  # the mean true work of a request
    useful: float  # operations on tokens over all operations, those on padding included
    of_limit: float  # the least time that the true work could take here over the time it took
    bound: Literal["compute", "memory"]  # what that least time is decided by
    dtype: str  # whose ceiling that is


def ceilings_of(header: Header) -> Ceilings | None:
    """What a run measured of its device; None where it did not.

    Raises:
        InputError: the record holds something else there.
    """
    found = header.environment.get("worker", {}).get(CEILINGS)
    try:
        return None if found is None else msgspec.convert(found, Ceilings)
    except msgspec.ValidationError as error:
        raise InputError(f"the header of run {header.suite!r} holds ceilings that cannot be read: {error}") from None


def share(work: PassWork, requests: int, mean_s: float, ceilings: Ceilings) -> Share | None:
    """Put a combination under the roofline; None where its dtype's ceiling, a plugin's own perhaps, was not measured.

    Args:
        work: of answering all texts once.
        requests: how many texts that are.
        mean_s: what a request takes, in seconds.
        ceilings: of the device.
    """
    if work.dtype not in ceilings.flops_per_s:
        return None
    compute_s = work.true.flops / ceilings.flops_per_s[work.dtype]
    memory_s = work.true.bytes / ceilings.bytes_per_s
    return Share(
        request=Work(work.true.flops // requests, work.true.bytes // requests),
        useful=work.true.flops / work.executed.flops if work.executed.flops else 1.0,
        of_limit=max(compute_s, memory_s) / (mean_s * requests),
        bound="compute" if compute_s >= memory_s else "memory",
        dtype=work.dtype,
    )
