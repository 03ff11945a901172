"""Where the time of requests and a process's memory went."""

from __future__ import annotations

import msgspec

# The parts of a request, in order. What no other part names is of `decode`: the walk through the schema, spans and
# chains; what runs beside the forwards on the device's side is of `arrange`.
PARTS = ("tokenize", "arrange", "to_device", "text_tower", "prompt_tower", "cross", "to_host", "decode")


class Traffic(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What passed between the host and a device, and what was launched there."""

    copies_in: int = 0
    copies_out: int = 0
    synchronisations: int = 0  # the host waited until the device had done all that it was given
    launches: int = 0

    def with_(self, copies_in: int = 0, copies_out: int = 0, synchronisations: int = 0, launches: int = 0) -> Traffic:
        """And more."""
        return Traffic(
            self.copies_in + copies_in,
            self.copies_out + copies_out,
            self.synchronisations + synchronisations,
            self.launches + launches,
        )


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one pass over the timed texts was made of; the pass itself is not among those that are timed."""

    parts_ns: dict[str, list[int]]  # by part, one a text
    step_ns: int  # the length of the steps that the pass is cut into
    rss_bytes: list[int]  # the most seen in each step; empty where the kernel does not tell
    # Likewise, of what torch's allocator reserved; records that have the next one leave it empty.
    cuda_bytes: list[int] = []
    cuda_allocated_bytes: list[int] = []  # likewise, of what tensors took; empty without a GPU
    traffic: list[Traffic] = []  # of each text; empty where the device is the host
