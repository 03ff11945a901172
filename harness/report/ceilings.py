"""What a device can do at most, in words."""

from __future__ import annotations

from collections.abc import Iterator

from harness.analyse.roofline import NO_CEILINGS, ceilings_of
from harness.record import Header
from harness.work import Ceilings

_GIGA, _MICRO = 1e9, 1e6
# For runs that measured only one way to multiply.
_OWN_ALONE = (
    "This run measured only torch's own matrix products. If another product is faster, the shares of the roofline are "
    "too high."
)


def ceilings(header: Header) -> Iterator[str]:
    """The ceilings by dtype, and which products reached them or were left out; empty if not measured."""
    found = ceilings_of(header)
    if why := header.environment.get("worker", {}).get(NO_CEILINGS):
        yield f"The device's ceilings could not be measured, so there are no shares of the roofline ({why})."
    if found is None:
        return
    rates = "; ".join(_rate(found, dtype) for dtype in found.flops_per_s)
    launch = "" if found.launch_s is None else f"; a launch takes at least {found.launch_s * _MICRO:.3g} µs"
    yield f"Ceilings: {rates}; memory {found.bytes_per_s / _GIGA:.3g} GB/s{launch}."
    if not found.ways:
        yield _OWN_ALONE
    if found.left_out:
        left_out = "; ".join(f"{way}: {why}" for way, why in found.left_out.items())
        yield f"Matrix products that were left out: {left_out}."


def _rate(found: Ceilings, dtype: str) -> str:
    best = f"{dtype} {found.flops_per_s[dtype] / _GIGA:.3g} GFLOP/s"
    ways = found.fastest(dtype)
    if not ways:
        return best
    others = ", ".join(f"{name} {rate / _GIGA:.3g}" for name, rate in ways[1:])
    return f"{best} ({ways[0][0]}{f'; {others}' if others else ''})"
