"""Where the time of requests and a process's memory went."""

from __future__ import annotations

import msgspec

# The parts of a request, in order. What no other part names is of `decode`: the walk through the schema, spans and
# chains; what runs beside the forwards on the device's side is of `arrange`.
PARTS = ("tokenize", "arrange", "to_device", "text_tower", "prompt_tower", "cross", "to_host", "decode")


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one pass over the timed texts was made of; the pass itself is not among those that are timed."""

    parts_ns: dict[str, list[int]]  # by part, one a text
    step_ns: int  # the pass is cut into so long steps
    rss_bytes: list[int]  # the most seen in each step; empty where the kernel does not tell
    # Likewise, of what torch's allocator reserved; records that have the next one leave it empty.
    cuda_bytes: list[int] = []
    cuda_allocated_bytes: list[int] = []  # likewise, of what tensors took; empty without a GPU
