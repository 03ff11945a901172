"""Lists of cores as the kernel writes them, such as 0-3,8."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator


def listed(text: str) -> Iterator[int]:
    """The cores of a list."""
    for first, last in re.findall(r"\b([0-9]{1,5})(?:-([0-9]{1,5}))?\b", text):
        yield from range(int(first), int(last or first) + 1)


def ranges(cores: Collection[int]) -> str:
    """The list of some cores."""
    firsts = sorted(core for core in cores if core - 1 not in cores)
    lasts = sorted(core for core in cores if core + 1 not in cores)
    ends = zip(firsts, lasts, strict=True)
    return ",".join(f"{first}" if first == last else f"{first}-{last}" for first, last in ends)
