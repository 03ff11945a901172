"""Work: what a computation costs at least, and what a device can do at most."""

from __future__ import annotations

import msgspec


class Work(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Operations and traffic of a computation."""

    flops: int  # a multiplication with its addition counts two
    bytes: int  # read and written, at least

    def __add__(self, other: Work) -> Work:
        """Both, one after the other."""
        return Work(self.flops + other.flops, self.bytes + other.bytes)

    def __sub__(self, other: Work) -> Work:
        """What is left where the other was done before."""
        return Work(self.flops - other.flops, self.bytes - other.bytes)


class PassWork(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The work of answering the timed texts once."""

    true: Work  # of their tokens alone
    executed: Work  # with the padding that went along
    dtype: str = "float32"  # of the linear layers' products, a key of `Ceilings.flops_per_s`


class Ceilings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The most that a device was seen to do."""

    flops_per_s: dict[str, float]  # by dtype, in the fastest matrix product
    bytes_per_s: float  # in a copy, read and written
    # What each way to multiply gave, by dtype and the way's name; empty where only torch's own product was measured.
    ways: dict[str, dict[str, float]] = {}
    left_out: dict[str, str] = {}  # ways that this device or installation has not got, each with why
    # What the host takes at least for a call of an operator on the device; None where the device is the host, and in
    # records from before it was measured.
    launch_s: float | None = None

    def fastest(self, dtype: str) -> list[tuple[str, float]]:
        """The ways to multiply a dtype with what they gave, the fastest first; none where it is not known."""
        return sorted(self.ways.get(dtype, {}).items(), key=lambda way: -way[1])
