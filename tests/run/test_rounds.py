"""What the executor makes of a round, with processes and measurements that are made up."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from harness.analyse.roofline import NO_CEILINGS
from harness.conditions import Course
from harness.data.dataset import Example
from harness.measure.noise import Reading
from harness.plan.cells import Planned
from harness.record import Cell, ColdStart, Evidence, Failed, Item, Measured, Memory, Scenario, SingleStream, StartUp
from harness.run import protocol as say
from harness.run.executors.local import LocalExecutor, Settings, _Round
from harness.run.executors.recorded import Reference
from harness.run.executors.weighing import Weighing
from harness.run.pair import MOST_REPEATS, ROLES, Pair, _joined
from harness.run.process import WorkerError, WorkerProcess

SCENARIOS: tuple[Scenario, ...] = ("single_stream", "closed_loop", "cold_start")
CELLS = tuple(Cell("a", scenario, "t", "cpu") for scenario in SCENARIOS)
PLANNED = Planned("a", exact=True, cells=CELLS)
REFERENCE = Reference([], [])
OWN, PARTNER = "own", "partner"


def executor() -> LocalExecutor:
    return LocalExecutor(Settings("mini", "cpu", 1, (), (), 0, passes=1, starts=0, timeout_s=1.0, logs=Path()))


def measured(*evidence: Evidence) -> _Round:
    return _Round(dict.fromkeys(CELLS, ColdStart()), None, Course(0.0, 0.0, 0.0, 0.0, 0, steady=True), evidence)


class Referring:
    """The baseline's process, which answers, and breaks where the device's ceilings are measured."""

    def hear(self, _: type) -> say.Ready:
        return say.Ready(StartUp(1, 1, 1), {"torch": "2"})

    def ask(self, command: object, _: type) -> say.Answered:
        if isinstance(command, say.MeasureCeilings):
            raise WorkerError("out_of_memory", "CUDA out of memory")
        return say.Answered([], [])


def test_ceilings_that_cannot_be_measured_end_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LocalExecutor, "_start", lambda *_: Referring())
    reference, facts = executor().reference()
    assert reference == Reference([], [])
    assert facts == {"torch": "2", NO_CEILINGS: "out_of_memory: CUDA out of memory"}


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

    def ask(self, command: object, _: type) -> Any:
        self.asked.append((self.name, command))
        return say.Timed(len(self.asked), 1, [], [])


def pair(asked: list[tuple[str, object]]) -> Pair:
    own, partner = (cast("WorkerProcess", Process(name, asked)) for name in ("own", "partner"))
    return Pair(own, partner, own_first=True, warm={}, gpus={})


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
    peaks = {"cuda_peak_bytes": 9, "cuda_allocated_peak_bytes": 8}
    part = say.Timed(5, 7, [5], [[]], 3, wait_ns=[2], batch_sizes=[1], heap_bytes=4096, **peaks)
    assert all(getattr(part, name) for name in part.__struct_fields__), "each field says something here"
    assert _joined([part]) == part


class UpAtOnce(Process):
    """A process that is up and warm at once, on a GPU or on none."""

    def __init__(self, name: str, gpu: str | None) -> None:
        super().__init__(name, [])
        self.gpu = gpu

    def tell(self, command: object) -> None:
        pass

    def hear(self, expected: type) -> Any:
        facts = {"gpu_uuid": self.gpu} if self.gpu else {}
        return say.Ready(StartUp(1, 1, 1), facts) if expected is say.Ready else say.Warm(6, steady=True)


@pytest.mark.parametrize("own_first", [True, False])
@pytest.mark.parametrize("on_gpu", [(OWN, PARTNER), (OWN,), (PARTNER,), ()], ids="+".join)
def test_the_order_in_which_two_come_up_does_not_decide_whether_a_round_is_about_a_gpu(
    monkeypatch: pytest.MonkeyPatch, on_gpu: tuple[str, ...], own_first: bool
) -> None:
    def start(role: str, **_: object) -> WorkerProcess:
        process = UpAtOnce(role, "GPU-1" if role in on_gpu else None)
        process.pid = len(role)
        return cast("WorkerProcess", process)

    pair = Pair.start(start, own_first=own_first)
    assert pair.gpu == ("GPU-1" if on_gpu else None)
    looked: list[tuple[object, ...]] = []
    monkeypatch.setattr("harness.run.pair.look", lambda *given: looked.append(given))
    pair.look()
    (processes, gpu, users) = looked[0]
    assert (processes, gpu) == ((len(OWN), len(PARTNER)), pair.gpu)
    assert sorted(cast("Any", users)) == sorted(map(len, on_gpu))


@pytest.mark.parametrize(
    ("gpu", "expected"),
    [
        (None, [([0], [2]), ([1], [0]), ([2], [1])]),
        ("GPU-1", [([0, 1, 2], [2]), ([0, 1, 2] * MOST_REPEATS, [2])]),  # its first pass does not count
    ],
)
def test_single_requests_take_turns_on_the_same_cores_and_whole_passes_on_a_gpu(
    monkeypatch: pytest.MonkeyPatch, gpu: str | None, expected: list[tuple[list[int], list[int]]]
) -> None:
    kept: list[tuple[Sequence[int], int]] = []

    @contextmanager
    def together(processes: Sequence[int], cores: int) -> Iterator[None]:
        kept.append((processes, cores))
        yield

    monkeypatch.setattr("harness.run.executors.local.together", together)
    asked: list[tuple[str, object]] = []
    local = LocalExecutor(Settings("mini", "cpu", 3, (), (), 3, passes=1, starts=0, timeout_s=1.0, logs=Path()))
    local._time(replace(pair(asked), gpus={} if gpu is None else {OWN: gpu}), CELLS[:1], [])
    told = [command for _, command in asked[::2] if isinstance(command, say.Time)]
    assert [(one.places, one.primed) for one in told] == expected, "each follows the text before it, of its own process"
    assert kept == ([] if gpu else [((os.getpid(), os.getpid()), 3)])
    kept.clear()
    local._time(pair(asked), CELLS[1:], [])
    assert not kept, "under load a process may need more cores"


@pytest.mark.parametrize("lengthened", [True, False])
def test_only_the_passes_of_a_round_on_a_gpu_are_lengthened_and_only_where_they_may_be(lengthened: bool) -> None:
    common = Settings("mini", "cuda", 1, (), (), 3, passes=1, starts=0, timeout_s=1.0, logs=Path())
    for gpus in (dict[str, str](own="GPU-1"), dict[str, str]()):
        asked: list[tuple[str, object]] = []
        local = LocalExecutor(replace(common, lengthened=lengthened))
        local._time(replace(pair(asked), gpus=gpus), CELLS[1:2], [])
        assert len(asked) == 2 + 2 * (MOST_REPEATS if lengthened and gpus else 1)


def test_a_text_alone_follows_itself() -> None:
    asked: list[tuple[str, object]] = []
    local = LocalExecutor(Settings("mini", "cpu", 1, (), (), 1, passes=1, starts=0, timeout_s=1.0, logs=Path()))
    local._time(pair(asked), CELLS[:1], [])
    assert [(name, command.primed) for name, command in asked if isinstance(command, say.Time)] == [
        ("own", [0]),
        ("partner", [0]),
    ]


class Answering:
    """A process of either role that is up at once and answers every text with its own name."""

    pid = os.getpid()

    def __init__(
        self, name: str, told: list[tuple[str, str]], *, idle_on_few: bool = False, on_gpu: bool = False
    ) -> None:
        self.name, self.told, self.idle_on_few, self.asked = name, told, idle_on_few, [0]
        self.facts = {"gpu_uuid": "GPU-1"} if on_gpu else {}
        told.append((name, "started"))

    def tell(self, command: object) -> None:
        said = type(command).__name__
        if isinstance(command, say.Prove | say.Answer):
            said += f" {command.places}"
        if isinstance(command, say.Answer):
            self.asked = command.places
        self.told.append((self.name, said))

    def ask(self, command: object, expected: type) -> Any:
        self.tell(command)
        if isinstance(command, say.Prove):
            active = not (command.places and self.idle_on_few)
            return say.Proved([Evidence("a", active=active, summary="")])
        if isinstance(command, say.Time):
            count = len(command.places) or 3
            return say.Timed(1, 1, [1] * count, [self.answer()] * count)
        if isinstance(command, say.MarkTexts):
            return say.Marked([[] for _ in command.places])
        return self.hear(expected)

    def hear(self, expected: type) -> Any:
        if expected is say.Inspected:
            return say.Inspected(None, cast("Any", None), cast("Any", None))
        replies: dict[Any, say.Reply] = {
            say.Ready: say.Ready(StartUp(1, 1, 1), self.facts),
            say.Warm: say.Warm(6, steady=True),
            say.Weighed: say.Weighed(Memory(1)),
            say.Answered: say.Answered([self.answer()] * len(self.asked)),
        }
        return replies[expected]

    def answer(self) -> list[Any]:
        return [[Item(type="价格", span=self.name[:3], offset=[0, 1])]]

    def close(self) -> None:
        self.told.append((self.name, "closed"))


EXAMPLES = tuple(Example(f"t{i}", "九元" * length, {"价格": None}) for i, length in enumerate((1, 2, 3, 4, 150, 150)))


def measured_round(
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    *,
    other_code: bool = False,
    idle_on_few: bool = False,
    weigh_each: bool = False,
    on_gpu: bool = False,
) -> tuple[list[tuple[str, str]], dict[str, Measured]]:
    """A round whose processes are made up: what each was told, in order, and the records by scenario."""
    told: list[tuple[str, str]] = []
    other = Path("x") if other_code else None
    local = LocalExecutor(
        Settings("mini", "cpu", 1, (), EXAMPLES, 3, 1, 0, 1.0, Path(), other_code=other, weigh_each=weigh_each)
    )
    monkeypatch.setattr("harness.run.executors.local.together", lambda *_: nullcontext())

    def start(role: str, *, heap: object = None) -> Any:
        return Answering(role if heap is None else f"{role} weighed", told, idle_on_few=idle_on_few, on_gpu=on_gpu)

    monkeypatch.setattr(LocalExecutor, "_starter", lambda *_: start)
    monkeypatch.setattr(LocalExecutor, "_cold_starts", lambda *_: ColdStart(preparing=StartUp(9, 9, 9)))
    expected = [Answering(OWN, []).answer()] * len(EXAMPLES)
    cells = (CELLS[0], CELLS[2])
    records = local.round(replace(PLANNED, cells=cells), number, Reference(expected, [[]] * len(EXAMPLES)))
    assert all(isinstance(one, Measured) for one in records), records
    return told, {one.cell.scenario: one for one in records if isinstance(one, Measured)}


def test_nothing_is_told_to_any_other_process_while_a_round_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    told, records = measured_round(monkeypatch, 0)
    timed = [i for i, (_, command) in enumerate(told) if command == "Time"]
    assert timed == list(range(timed[0], timed[0] + 2 * 3)), "requests, one after another, and nothing between them"
    before = told[: timed[0]]
    assert before == [(OWN, "started"), (PARTNER, "started"), (OWN, "WarmUp"), (PARTNER, "WarmUp")]
    assert told[timed[-1] + 1 :] == [
        ("own weighed", "started"),
        *(("own weighed", command) for command in ("WarmUp", "Weigh", "Answer [3, 4]")),
        (OWN, "Inspect"),
        (OWN, "Prove []"),
        (OWN, "Answer [5]"),
        ("own weighed", "closed"),
    ]
    assert cast("ColdStart", records["cold_start"].samples).own == [StartUp(1, 1, 1)]
    stream = cast("SingleStream", records["single_stream"].samples)
    assert (stream.parity.texts, stream.parity.differences, stream.memory) == (6, [], Memory(1))


def test_on_a_gpu_requests_are_taken_apart_while_no_other_process_uses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    told, records = measured_round(monkeypatch, 0, on_gpu=True)
    asked = [one for one in told if one in ((OWN, "Inspect"), ("own weighed", "started"), ("own weighed", "WarmUp"))]
    assert asked == [(OWN, "Inspect"), ("own weighed", "started"), ("own weighed", "WarmUp")]
    assert cast("SingleStream", records["single_stream"].samples).parity.texts == 6


def test_each_time_of_a_lengthened_pass_is_recorded_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    _, records = measured_round(monkeypatch, 0, on_gpu=True)
    stream = cast("SingleStream", records["single_stream"].samples)
    assert stream.repeats == MOST_REPEATS
    assert stream.own_ns == stream.partner_ns == [[1, 1, 1]] * MOST_REPEATS
    assert len(stream.own_cpu_ns) == 1
    assert stream.parity.differences == []
    _, records = measured_round(monkeypatch, 0)
    stream = cast("SingleStream", records["single_stream"].samples)
    assert (stream.repeats, stream.own_ns) == (1, [[1, 1, 1]])


@pytest.mark.parametrize(("idle_on_few", "proofs"), [(False, ["Prove [2, 0]"]), (True, ["Prove [2, 0]", "Prove []"])])
def test_a_later_round_takes_evidence_of_two_texts_while_they_show_it(
    monkeypatch: pytest.MonkeyPatch, idle_on_few: bool, proofs: list[str]
) -> None:
    told, records = measured_round(monkeypatch, 1, idle_on_few=idle_on_few)
    assert [command for _, command in told if command.startswith("Prove")] == proofs
    assert told[:2] == [(PARTNER, "started"), (OWN, "started")]
    assert told[-len(proofs) - 2 :] == [
        ("own weighed", "started"),  # a cold start, alone
        ("own weighed", "closed"),
        *((OWN, proof) for proof in proofs),
    ], "its memory is known, and so are its answers"
    stream = cast("SingleStream", records["single_stream"].samples)
    assert (stream.parity.texts, stream.memory) == (3, None)
    assert cast("ColdStart", records["cold_start"].samples).own == [StartUp(1, 1, 1)]


def test_what_is_weighed_in_each_round_is_weighed_in_later_ones_too(monkeypatch: pytest.MonkeyPatch) -> None:
    told, records = measured_round(monkeypatch, 1, weigh_each=True)
    assert [command for name, command in told if name == "own weighed"] == ["started", "WarmUp", "Weigh", "closed"]
    assert cast("SingleStream", records["single_stream"].samples).memory == Memory(1)


@pytest.mark.parametrize("on_gpu", [False, True])
@pytest.mark.parametrize("number", [0, 1])
def test_a_gate_compares_with_what_the_other_revision_answered(
    monkeypatch: pytest.MonkeyPatch, number: int, on_gpu: bool
) -> None:
    told, records = measured_round(monkeypatch, number, other_code=True, on_gpu=on_gpu)
    stream = cast("SingleStream", records["single_stream"].samples)
    assert [one.got[0][0]["span"] for one in stream.parity.differences] == ["own"] * stream.parity.texts
    assert [one.expected[0][0]["span"] for one in stream.parity.differences] == ["par"] * stream.parity.texts
    assert stream.parity.texts == (6 if number == 0 else 3)
    assert [name for name, command in told if command == "MarkTexts"] == [OWN, PARTNER]
    assert (stream.memory is None) == (stream.partner_memory is None) == (number > 0)


def test_what_is_weighed_gives_back_what_it_frees_and_is_told_all_it_needs() -> None:
    heaps: list[object] = []
    told: list[tuple[str, str]] = []

    def start(role: str, *, heap: object = None) -> WorkerProcess:
        heaps.append(heap)
        return cast("WorkerProcess", Answering(role, told))

    weighing = Weighing(start, ["own", "partner"], alone=False, places=[3, 5])
    assert heaps == ["returned", "returned"]
    commands = [(role, command) for role in ("own", "partner") for command in ("WarmUp", "Weigh", "Answer [3, 5]")]
    assert told == [("own", "started"), ("partner", "started"), *commands]
    found = weighing.results()
    assert {role: (one.memory, len(one.answers)) for role, one in found.items()} == dict.fromkeys(ROLES, (Memory(1), 2))
    assert told[-2:] == [("own", "closed"), ("partner", "closed")]
    assert Weighing(start, [], alone=True, places=[3]).results() == {}


def test_a_start_that_counts_is_alone() -> None:
    told: list[tuple[str, str]] = []

    class Noting(Answering):
        def hear(self, expected: type) -> Any:
            self.told.append((self.name, expected.__name__))
            return super().hear(expected)

    def start(role: str, **_: object) -> WorkerProcess:
        return cast("WorkerProcess", Noting(role, told))

    weighing = Weighing(start, ROLES, alone=True, places=[])
    up = [(role, command) for role in ROLES for command in ("started", "Ready")]
    assert told == [*up, *((role, command) for role in ROLES for command in ("WarmUp", "Weigh"))]
    assert weighing.results()["own"].start == StartUp(1, 1, 1)
