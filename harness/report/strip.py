"""Raw latencies as a strip of dots, in the order of measurement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 600, 60
MOST = 1500  # dots of a strip; if there are more, only every second, third … is drawn


@dataclass(frozen=True)
class Strip:
    """SVG path data, one path for each round, and the figures that describe the strip."""

    rounds: list[str]
    drawn: int
    requests: int
    highest_ns: int


def strip(rounds: Sequence[Sequence[int]]) -> Strip:
    """Draw requests, from 0 at the bottom to the longest at the top.

    Args:
        rounds: nanoseconds of all requests of each.
    """
    requests, highest = sum(map(len, rounds)), max(map(max, rounds))
    every = -(-requests // MOST)
    paths, place, drawn = [], 0, 0
    for one in rounds:
        dots = []
        for ns in one:
            if place % every == 0:
                dots.append(f"M{place * WIDTH / requests:.1f} {HEIGHT - ns * HEIGHT / highest:.1f}h0")
                drawn += 1
            place += 1
        paths.append("".join(dots))
    return Strip(paths, drawn, requests, highest)
