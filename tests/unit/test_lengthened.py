"""On a GPU a pass answers its texts as often as it takes to last."""

from __future__ import annotations

import os
from typing import Any, cast

import msgspec
import pytest

from harness.measure.noise import Reading
from harness.run import protocol as say
from harness.run.pair import MOST_REPEATS, ROLES, Pair, repeats
from harness.run.process import WorkerProcess


class Lasting:
    """A process whose requests take 50 ms each, and some energy; it notes what it is asked in a list of both."""

    pid = os.getpid()

    def __init__(self, name: str, asked: list[tuple[str, object]]) -> None:
        self.name, self.asked = name, asked

    def ask(self, command: object, _: type) -> Any:
        assert isinstance(command, say.Time)
        self.asked.append((self.name, command))
        count = len(command.places)
        energy = 7 if command.scenario == "single_stream" else None
        return say.Timed(count * 50_000_000, 1, [50_000_000] * count, [[]] * count, energy)


@pytest.mark.parametrize(
    ("own", "partner", "times"),
    [
        (say.Timed(200, 1, [], [], 7), say.Timed(200, 1, [], [], 7), 7),  # 1.25 s over 0.2 s
        (say.Timed(200, 1, [], []), say.Timed(200, 1, [], []), 4),  # half as long where nothing is counted
        (say.Timed(5000, 1, [], [], 7), say.Timed(100, 1, [], [], 7), 7),  # its partner's energy is not recorded
        (say.Timed(5000, 1, [], [], 7), say.Timed(5000, 1, [], [], 7), 1),
        (say.Timed(0, 1, [], [], 7), say.Timed(5000, 1, [], [], 7), MOST_REPEATS),
    ],
)
def test_texts_are_answered_as_often_as_the_faster_process_takes_for_a_pass(
    own: say.Timed, partner: say.Timed, times: int
) -> None:
    in_ms = zip(ROLES, (own, partner), strict=True)
    assert repeats({role: msgspec.structs.replace(one, wall_ns=one.wall_ns * 10**6) for role, one in in_ms}) == times


def lasting(asked: list[tuple[str, object]]) -> Pair:
    own, partner = (cast("WorkerProcess", Lasting(name, asked)) for name in ROLES)
    return Pair(own, partner, own_first=True, warm={}, gpus={})


def test_a_pass_that_is_lengthened_asks_for_all_texts_in_one_go_again_and_again() -> None:
    asked: list[tuple[str, object]] = []
    readings: list[Reading] = []
    part = say.Time(places=[0, 1, 2], primed=[2])
    passes = lasting(asked).time([part], 2, readings, lengthened=True)
    places = [command.places for _, command in asked if isinstance(command, say.Time)]
    assert places == [[0, 1, 2]] * 2 + [[0, 1, 2] * 9] * 4, "1.25 s over 0.15 s"
    assert [name for name, _ in asked] == ["own", "partner", "own", "partner", "partner", "own"]
    assert len(readings) == 4
    assert [len(one.request_ns) for side in passes for one in side] == [27] * 4


def test_a_load_that_is_lengthened_comes_several_times_in_a_row() -> None:
    asked: list[tuple[str, object]] = []
    readings: list[Reading] = []
    ours, theirs = lasting(asked).time([say.Time("closed_loop", 3, [0, 1, 2])], 2, readings, lengthened=True)
    times = 5  # 0.625 s over 0.15 s
    turns = [name for name in ("own", "partner", "partner", "own") for _ in range(times)]
    assert [name for name, _ in asked] == ["own", "partner", *turns]
    assert all(command == say.Time("closed_loop", 3, [0, 1, 2]) for _, command in asked)
    assert len(readings) == 4
    assert len(ours) == len(theirs) == 2 * times
    assert all(len(one.request_ns) == 3 for one in (*ours, *theirs))
