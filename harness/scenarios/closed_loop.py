"""N clients, each with one request under way."""

from __future__ import annotations

from harness.record import ClosedLoop
from harness.scenarios._kind import Kind, Rate


def _asked(clients: int) -> str:
    return f"{clients} client{'' if clients == 1 else 's'}"


KIND = Kind(
    "closed_loop",
    ClosedLoop,
    per_clients=True,
    primed=False,  # clients put requests until all that are timed are answered
    rate=Rate(
        unit="QPS",
        asked=_asked,
        preposition="with",
        name=lambda clients: f"closed_loop-{clients}",
        key=lambda clients: f"closed_loop_{clients}_clients_per_s",
    ),
    made=lambda cell, own, partner, parity: ClosedLoop(cell.clients, own, partner, parity),
)
