"""What a round gave, in the words of its records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.conditions import Course
from harness.record import Evidence, Load
from harness.run import protocol as say
from harness.run.pair import Pair
from harness.units import NS_PER_S

Passes = Sequence[say.Timed]


def loads(passes: Passes) -> list[Load]:
    """The passes of a scenario with load."""
    return [Load(one.wall_ns, one.request_ns) for one in passes]


def account(clock: Sequence[float], timed: Iterable[tuple[Passes, Passes]], pair: Pair) -> Course:
    """The account of a round from four readings of the clock: begun, cold starts made, both warm, all done."""
    begun, started, warm, done = clock
    measuring = sum(one.wall_ns for both in timed for passes in both for one in passes) / NS_PER_S
    return Course(
        cold_starts_s=started - begun,
        coming_up_s=warm - started,
        measuring_s=measuring,
        checking_s=max(0.0, done - warm - measuring),
        warm_up_requests=pair.warm["own"].requests,
        steady=all(one.steady for one in pair.warm.values()),
    )


def idle(found: Sequence[Evidence]) -> str:
    """Which optimizations are not active, in words; none: nothing."""
    return "; ".join(f"{one.optimization} is not active: {one.summary}" for one in found if not one.active)
