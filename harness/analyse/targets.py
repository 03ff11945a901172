"""Whether a combination keeps the targets of its suite."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from harness.analyse.figures import Figure, absolute
from harness.analyse.rows import Held, Kept, Row
from harness.figures import LIMITS


def judged(row: Row, targets: Mapping[str, float]) -> Row:
    """The row with the result for each target.

    Args:
        row: of a combination.
        targets: by name, as `Targets` of a suite gives them: nanoseconds, bytes, requests per second.
    """
    return replace(row, targets=tuple(Held(name, limit, kept_by(row, name, limit)) for name, limit in targets.items()))


def kept_by(row: Row, name: str, limit: float) -> Kept:
    """Whether a combination keeps a limit, by the limit's name."""
    kind = LIMITS[name]
    return kept(absolute(row, kind.name), limit, at_least=kind.better == "more")


def kept(found: Figure | None, limit: float, *, at_least: bool = False) -> Kept:
    """Whether the whole interval of a figure is at most a limit (or at least, if `at_least`).

    An end that is missing could be anywhere. A figure without an interval that lacks nothing counts as exact.
    """
    if found is None:
        return "not measured"
    low = found.low if found.low is not None else -math.inf if found.lacks else found.value
    high = found.high if found.high is not None else math.inf if found.lacks else found.value
    if at_least:
        low, high, limit = -high, -low, -limit
    return "met" if high <= limit else "missed" if low > limit else "unsure"
