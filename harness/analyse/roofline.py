"""How near a combination comes to the limits of its device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import msgspec

from harness.errors import InputError
from harness.profile import Traffic
from harness.record import Header
from harness.work import Ceilings, PassWork, Work

# Keys of the worker's environment: the ceilings of the device, or why they could not be measured.
CEILINGS, NO_CEILINGS = "ceilings", "no_ceilings"
Bound: TypeAlias = Literal["compute", "memory", "launch"]


@dataclass(frozen=True)
class Share:
    """A combination under the roofline."""

    request: Work  # the mean true work of a request
    useful: float  # operations on tokens divided by all operations, padding included
    of_limit: float  # the least time that the true work could take here, divided by the measured time
    bound: Bound  # what determines that least time
    dtype: str  # whose ceiling that is
    launch_s: float | None = None  # the least time for the launches of a request; None if the device is the host


def ceilings_of(header: Header) -> Ceilings | None:
    """The ceilings that a run measured; None if it did not.

    Raises:
        InputError: the record contains something else there.
    """
    found = header.environment.get("worker", {}).get(CEILINGS)
    try:
        return None if found is None else msgspec.convert(found, Ceilings)
    except msgspec.ValidationError as error:
        raise InputError(f"the header of run {header.suite!r} holds ceilings that cannot be read: {error}") from None


def share(
    work: PassWork, requests: int, mean_s: float, ceilings: Ceilings, traffic: Sequence[Traffic] = ()
) -> Share | None:
    """Compare a combination with the roofline; None if the ceiling of its dtype (perhaps a plugin's) was not measured.

    On a device, launches bound the least time too, because the host makes them one after another.

    Args:
        work: for answering all texts once.
        requests: the number of texts.
        mean_s: the mean time of a request, in seconds.
        ceilings: of the device.
        traffic: of each text; empty if the device is the host.
    """
    if work.dtype not in ceilings.flops_per_s:
        return None
    compute_s = work.true.flops / ceilings.flops_per_s[work.dtype]
    memory_s = work.true.bytes / ceilings.bytes_per_s
    launch_s = None
    if traffic and ceilings.launch_s is not None:
        launch_s = sum(one.launches for one in traffic) * ceilings.launch_s
    least_s: dict[Bound, float] = {"compute": compute_s, "memory": memory_s, "launch": launch_s or 0.0}
    bound = max(least_s, key=lambda name: least_s[name])
    return Share(
        request=Work(work.true.flops // requests, work.true.bytes // requests),
        useful=work.true.flops / work.executed.flops if work.executed.flops else 1.0,
        of_limit=least_s[bound] / (mean_s * requests),
        bound=bound,
        dtype=work.dtype,
        launch_s=None if launch_s is None else launch_s / requests,
    )
