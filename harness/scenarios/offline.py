"""All texts in one call."""

from __future__ import annotations

from harness.record import Offline
from harness.scenarios._kind import Kind, Rate

KIND = Kind(
    "offline",
    Offline,
    rate=Rate(
        unit="texts/s",
        asked=lambda _: "one call",
        preposition="in",
        name=lambda _: "offline",
        key=lambda _: "offline_per_s",
    ),
    made=lambda _, own, partner, parity: Offline(own, partner, parity),
)
