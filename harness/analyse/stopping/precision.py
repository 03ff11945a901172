"""A combination has enough rounds once the interval of its ratio to stock is as narrow as the suite asks for."""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness.analyse.stats import estimate
from harness.analyse.stopping import Seen
from harness.plan.suite import Measure

SAID = "precise enough"


def looks(measure: Measure) -> Sequence[int]:
    """After 4, 8 and 16 rounds, if the suite asks for a precision."""
    return measure.looks


def ends(seen: Seen) -> bool:
    """Whether the interval is narrow enough on either side."""
    assert seen.measure.precision is not None, "without a precision there is no look"
    found = estimate(seen.ratios, seen.spread, seen.alpha)
    return math.log(found.high / found.value) <= math.log(1 + seen.measure.precision)
