"""What the executor makes of a round, with processes and measurements that are made up."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from harness.conditions import Course
from harness.measure.noise import Reading
from harness.plan.cells import Planned
from harness.record import Cell, ColdStart, Evidence, Failed, Measured, Memory
from harness.run import protocol as say
from harness.run.executors.local import LocalExecutor, Settings, _Round
from harness.run.executors.recorded import Reference
from harness.run.executors.weighing import Weighing
from harness.run.pair import Pair, _joined
from harness.run.process import WorkerError, WorkerProcess

CELLS = tuple(Cell("a", scenario, "t", "cpu") for scenario in ("single_stream", "closed_loop", "cold_start"))
PLANNED = Planned("a", exact=True, cells=CELLS)
REFERENCE = Reference([], [])


def executor() -> LocalExecutor:
    return LocalExecutor(Settings("mini", "cpu", 1, (), (), 0, passes=1, starts=0, timeout_s=1.0, logs=Path()))


def measured(*evidence: Evidence) -> _Round:
    return _Round(dict.fromkeys(CELLS, ColdStart()), None, Course(0.0, 0.0, 0.0, 0.0, 0, steady=True), evidence)


def test_what_only_a_first_round_gives_is_made_up_for_where_that_broke(monkeypatch: pytest.MonkeyPatch) -> None:
    firsts: list[bool] = []

    def measure(_: object, __: Planned, number: int, ___: Reference, *, first: bool) -> _Round:
        firsts.append(first)
        if number == 0:
            raise WorkerError("crash", "boom")
        return measured()

    monkeypatch.setattr(LocalExecutor, "_measure", measure)
    local = executor()
    records = [record for number in range(3) for record in local.round(PLANNED, number, REFERENCE)]
    assert firsts == [True, True, False]
    assert [type(record) for record in records] == [Failed] * 3 + [Measured] * 6


def test_a_silent_fallback_fails_every_scenario(monkeypatch: pytest.MonkeyPatch) -> None:
    idle = Evidence("a", active=False, summary="no kernel was seen")
    monkeypatch.setattr(LocalExecutor, "_measure", lambda *_, **__: measured(idle))
    records = executor().round(PLANNED, 0, REFERENCE)
    assert [(type(one), getattr(one, "kind", "")) for one in records] == [(Failed, "inactive")] * 3


class Process:
    """Notes what it is asked, in a list that both processes share."""

    pid = os.getpid()

    def __init__(self, name: str, asked: list[tuple[str, object]]) -> None:
        self.name, self.asked = name, asked

    def tell(self, command: object) -> None:
        self.asked.append((self.name, command))

    def ask(self, command: object, _: type) -> Any:
        self.asked.append((self.name, command))
        if isinstance(command, say.Weigh):
            return say.Weighed(Memory(1, 1, 1))
        return say.Timed(len(self.asked), 1, [], [])

    def hear(self, expected: type) -> None:
        self.asked.append((self.name, expected))

    def close(self) -> None:
        self.asked.append((self.name, "closed"))


def pair(asked: list[tuple[str, object]]) -> Pair:
    own, partner = (cast("WorkerProcess", Process(name, asked)) for name in ("own", "partner"))
    return Pair(own, partner, own_first=True, cold=cast("Any", None), warm={}, gpu=None, device_bytes=None)


def test_under_load_each_process_makes_a_pass_that_does_not_count() -> None:
    asked: list[tuple[str, object]] = []
    readings: list[Reading] = []
    ours, theirs = pair(asked).time([say.Time("closed_loop", 3)], 2, readings)
    assert len(readings) == 4
    assert [name for name, _ in asked] == ["own", "partner", "own", "partner", "partner", "own"]
    assert ([one.wall_ns for one in ours], [one.wall_ns for one in theirs]) == ([3, 6], [4, 5])


def test_the_two_take_turns_at_every_part_and_each_is_first_as_often() -> None:
    asked: list[tuple[str, object]] = []
    parts = [say.Time(places=[place]) for place in range(3)]
    readings: list[Reading] = []
    ours, theirs = pair(asked).time(parts, 2, readings)
    assert len(readings) == 4
    places = [command.places[0] for _, command in asked if isinstance(command, say.Time)]
    assert places == [0, 0, 1, 1, 2, 2] * 2
    assert [name for name, _ in asked[::2]] == ["own", "partner", "own", "partner", "own", "partner"]
    assert all(first != second for (first, _), (second, _) in zip(asked[::2], asked[1::2], strict=True))
    assert ([one.wall_ns for one in ours], [one.wall_ns for one in theirs]) == (
        [1 + 4 + 5, 8 + 9 + 12],
        [2 + 3 + 6, 7 + 10 + 11],
    )


@pytest.mark.parametrize("energies", [(2, 3), (2, None)])
def test_a_pass_is_the_sum_of_its_parts(energies: tuple[int, int | None]) -> None:
    answers: list[list[Any]] = [[[("价格", "九元", 0, 2)]], [[]]]
    parts = [say.Timed(5 + i, 7, [5 + i], answers[i], energies[i]) for i in range(2)]
    whole = _joined(parts)
    assert (whole.wall_ns, whole.cpu_ns, whole.request_ns) == (11, 14, [5, 6])
    assert whole.answers == [answers[0][0], answers[1][0]]
    assert whole.energy_mj == (5 if energies[1] else None)


def test_a_pass_of_one_part_loses_nothing() -> None:
    part = say.Timed(5, 7, [5], [[]], 3, wait_ns=[2], batch_sizes=[1], heap_bytes=4096)
    assert all(getattr(part, name) for name in part.__struct_fields__), "each field says something here"
    assert _joined([part]) == part


@pytest.mark.parametrize(("gpu", "expected"), [(None, [[0], [1]]), ("GPU-1", [[]])])
def test_single_requests_take_turns_on_the_same_cores_and_whole_passes_on_a_gpu(
    monkeypatch: pytest.MonkeyPatch, gpu: str | None, expected: list[list[int]]
) -> None:
    kept: list[tuple[Sequence[int], int]] = []

    @contextmanager
    def together(processes: Sequence[int], cores: int) -> Iterator[None]:
        kept.append((processes, cores))
        yield

    monkeypatch.setattr("harness.run.executors.local.together", together)
    asked: list[tuple[str, object]] = []
    local = LocalExecutor(Settings("mini", "cpu", 3, (), (), 2, passes=1, starts=0, timeout_s=1.0, logs=Path()))
    local._time(replace(pair(asked), gpu=gpu), CELLS[:1], [])
    assert [command.places for _, command in asked[::2] if isinstance(command, say.Time)] == expected
    assert kept == ([] if gpu else [((os.getpid(), os.getpid()), 3)])
    kept.clear()
    local._time(pair(asked), CELLS[1:], [])
    assert not kept, "under load a process may need more cores"


def test_what_is_weighed_gives_back_what_it_frees_and_is_told_all_it_needs() -> None:
    asked: list[tuple[str, object]] = []

    def start(role: str, *, heap: object = None) -> WorkerProcess:
        asked.append((role, heap))
        return cast("WorkerProcess", Process(role, asked))

    weighing = Weighing(start, ["own", "partner"])
    started = [("own", "returned"), ("partner", "returned")]
    assert asked == [*started, ("own", say.WarmUp()), ("partner", say.WarmUp())]
    asked.clear()
    assert weighing.results() == {"own": Memory(1, 1, 1), "partner": Memory(1, 1, 1)}
    assert asked[:4] == [("own", say.Ready), ("own", say.Warm), ("own", say.Weigh()), ("own", "closed")]
    assert Weighing(start, []).results() == {}
