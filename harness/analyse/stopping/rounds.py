"""A combination has enough rounds once it has as many as the suite asks for."""

from __future__ import annotations

from harness.analyse.stopping import Seen

SAID = "with all rounds"


def ends(seen: Seen) -> bool:
    """Whether it has all of them."""
    return seen.rounds >= seen.measure.rounds
