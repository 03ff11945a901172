"""The rounds that are made once more for those that look fastest."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from in_process import uiebench
from msgspec.structs import replace

from harness.analyse.course import course
from harness.conditions import Course
from harness.errors import SuiteError
from harness.plan.cells import Planned
from harness.plan.suite import Measure, find_suite, read_suite
from harness.record import (
    BASELINE,
    RECORD_VERSION,
    STOCK,
    Cell,
    ColdStart,
    Difference,
    End,
    Failed,
    Finished,
    Header,
    Line,
    Measured,
    Memory,
    Parity,
    Record,
    Scenario,
    SingleStream,
    StartUp,
    ordinary,
)
from harness.run.ablation import Options, prepare
from harness.run.executors.recorded import Reference
from harness.run.runner import run
from harness.run.stopping import Schedule, most_confirming
from harness.run.store import Store, go_on, read_run, unfinished_run

ROUNDS, CONFIRM = 2, 3
MEASURE = Measure(rounds=ROUNDS, confirm=CONFIRM)
NOTHING = Reference([], [])
START = StartUp(imports_ns=1, weights_ns=1, first_call_ns=1)
STOCK_NS = 1_000_000_000
TRUE = {BASELINE: 0.5, STOCK: 1.0, "a": 0.9, "b": 0.8, "c": 0.85, "d": 0.95, "loose": 0.4}
FASTEST = ["a", "b", "c"]


def plan(names: Sequence[str]) -> list[Planned]:
    scenarios: tuple[Scenario, ...] = ("cold_start", "single_stream")
    cells = {name: tuple(Cell(name, one, "texts", "cpu") for one in scenarios) for name in names}
    return [Planned(name, exact=name != "loose", cells=cells[name]) for name in names]


class Stub:
    """Rounds with times as asked, by combination; some fail, or give other answers."""

    def __init__(
        self, true: Mapping[str, float] = TRUE, *, fails: Sequence[tuple[str, int]] = (), differs: Sequence[str] = ()
    ) -> None:
        self.true, self.fails, self.differs = true, fails, differs
        self.made: list[tuple[str, int]] = []

    def round(self, planned: Planned, number: int, reference: Reference) -> list[Record]:
        name = planned.combination
        self.made.append((name, number))
        if (name, number) in self.fails:
            return [Failed(cell, number, "crash", "it died") for cell in planned.cells]
        other = [Difference("t", tie=False, expected=[], got=[])] if name in self.differs else []
        stream = SingleStream(
            own_ns=[[round(STOCK_NS * self.true[name])]],
            partner_ns=[[STOCK_NS]],
            own_cpu_ns=[1],
            parity=Parity(1, other),
            memory=Memory(1),
        )
        return [
            Measured(cell, number, stream if cell.scenario == "single_stream" else ColdStart([START]))
            for cell in planned.cells
        ]


def schedule(true: Mapping[str, float] = TRUE, measure: Measure = MEASURE, until: float | None = None) -> Schedule:
    ticks = iter(range(10_000))
    return Schedule(
        plan(list(true)), measure, random.Random(3), assumed_sd=0.02, until=until, clock=lambda: float(next(ticks))
    )


def made(executor: Stub, rounds: Schedule | None = None) -> list[Record]:
    return run(rounds or schedule(executor.true), executor, NOTHING, append=lambda _: None)


def confirmed(records: Sequence[Record]) -> dict[str, int]:
    return dict(Counter(record.cell.combination for record in records if record.confirming))


def test_they_come_last_for_the_three_fastest_that_keep_answers_in_random_order() -> None:
    executor = Stub()
    records = made(executor)
    many = len(TRUE) * ROUNDS
    assert Counter(name for name, _ in executor.made[:many]) == dict.fromkeys(TRUE, ROUNDS)
    last = executor.made[many:]
    assert Counter(last) == Counter((name, ROUNDS + number) for name in FASTEST for number in range(CONFIRM))
    order = [name for name, _ in last]
    turns = [order[place : place + 3] for place in range(0, len(order), 3)]
    assert all(sorted(turn) == FASTEST for turn in turns), "each gets one before any gets another"
    assert len({tuple(turn) for turn in turns}) > 1, "and chance decides which comes first"
    fresh = [record for record in records if record.confirming]
    assert [(one.cell.combination, one.round) for one in fresh] == last
    assert {one.cell.scenario for one in fresh} == {"single_stream"}
    assert ordinary(records) == records[: -len(fresh)]


def test_what_gives_other_answers_or_failed_is_not_tried_again() -> None:
    assert confirmed(made(Stub(differs=["b"]))) == dict.fromkeys("acd", CONFIRM)
    assert confirmed(made(Stub(fails=[("c", 1)]))) == dict.fromkeys("abd", CONFIRM)


def test_fewer_than_three_are_all_tried_again() -> None:
    true = {BASELINE: 4.0, STOCK: 1.0, "a": 0.8, "b": 1.2}
    assert confirmed(made(Stub(true))) == {"a": CONFIRM, "b": CONFIRM}


@pytest.mark.parametrize("true", [{BASELINE: 4.0, STOCK: 1.0, "a": 0.98, "b": 1.2}, {BASELINE: 0.5, STOCK: 1.0}])
def test_where_nothing_looks_faster_than_stock_nothing_is_confirmed(true: dict[str, float]) -> None:
    assert confirmed(made(Stub(true))) == {}


def test_a_suite_may_have_none() -> None:
    assert confirmed(made(Stub(), schedule(measure=Measure(rounds=ROUNDS)))) == {}


def test_a_failure_ends_them_for_its_combination_alone_and_no_other_takes_its_place() -> None:
    executor, rounds = Stub(fails=[("b", ROUNDS + 1)]), schedule()
    records = made(executor, rounds)
    assert confirmed(records) == {"a": CONFIRM, "b": 2, "c": CONFIRM}
    ends = {end.combination: (end.rule, end.rounds, end.confirming) for end in rounds.ends(records)}
    assert ends["a"] == ("rounds", ROUNDS, CONFIRM)
    assert ends["b"] == ("rounds", ROUNDS, 2)
    assert ends["d"] == ("rounds", ROUNDS, 0)


def test_progress_counts_them() -> None:
    left: list[int] = []
    run(schedule(), Stub(), NOTHING, append=lambda _: None, progress=lambda _, rest: left.append(rest))
    assert left == list(range(len(TRUE) * ROUNDS + most_confirming(plan(list(TRUE)), MEASURE), 0, -1))
    assert most_confirming(plan([BASELINE, STOCK, "a", "loose"]), MEASURE) == CONFIRM


class KilledError(Exception):
    """What a killed process cannot catch."""


@pytest.mark.parametrize("lines", range(24, 37))
def test_a_run_killed_while_it_confirms_goes_on_there(tmp_path: Path, lines: int) -> None:
    cells = {planned.combination: len(planned.cells) for planned in plan(list(TRUE))}
    directory = tmp_path / "20260101-000000-s"
    directory.mkdir()
    store, left = Store(directory), [lines]
    store.append(Header(RECORD_VERSION, "s", "key", "c", 0, "cpu", "mini", ["t"], dict.fromkeys(TRUE, True), {}))

    def dying(line: Line) -> None:
        if not left[0]:
            raise KilledError
        left[0] -= 1
        store.append(line)

    with pytest.raises(KilledError):
        run(schedule(), Stub(), NOTHING, append=dying)
    rounds = schedule()
    records = run(rounds, Stub(), NOTHING, append=store.append, done=go_on(directory, cells))
    store.append(Finished(rounds.ends(records), 1.0))
    _, written = read_run(directory, pytest.fail)
    assert written == records
    assert confirmed(written) == dict.fromkeys(FASTEST, CONFIRM)
    counted = Counter((one.cell.combination, one.cell.scenario, one.round) for one in written)
    assert set(counted.values()) == {1}
    assert len(written) == len(TRUE) * ROUNDS * 2 + len(FASTEST) * CONFIRM
    assert unfinished_run(tmp_path, "key", pytest.fail) is None


def test_a_budget_is_kept_and_a_run_that_it_ended_goes_on_with_them() -> None:
    rounds = schedule(until=18)  # a tick of the clock a round: four are left for confirming
    records = made(Stub(), rounds)
    some = confirmed(records)
    assert 0 < sum(some.values()) < len(FASTEST) * CONFIRM
    assert {end.combination for end in rounds.ends(records) if end.rule == "budget"} == set(FASTEST)
    more = run(schedule(), Stub(), NOTHING, append=lambda _: None, done=records)
    assert confirmed(more) == dict.fromkeys(FASTEST, CONFIRM)
    none = made(Stub(), schedule(until=10))
    assert confirmed(none) == {}


def test_an_account_counts_them() -> None:
    ends = [End("a", 2, "rounds", 3), End("b", 2, "rounds", 3), End("c", 2, "rounds")]
    spent = Measured(
        Cell("a", "cold_start", "t", "cpu"), 0, ColdStart(), None, Course(1.0, 1.0, 1.0, 1.0, 1, steady=True)
    )
    *_, ended = course([spent], [Finished(ends, 60.0)])
    assert ended == "Combinations: 3 with all rounds (2 rounds), 2 with 3 more rounds for confirmation."


def test_records_say_that_they_confirm_and_older_ones_do_not(tmp_path: Path) -> None:
    header = Header(RECORD_VERSION, "s", "key", "c", 0, "cpu", "mini", ["t"], dict.fromkeys(TRUE, True), {})
    (stream,) = [one for one in Stub().round(plan("a")[0], 0, NOTHING) if one.cell.scenario == "single_stream"]
    store = Store(tmp_path)
    for line in (header, stream, replace(stream, round=1, confirming=True)):
        store.append(line)
    assert [one.confirming for one in read_run(tmp_path, pytest.fail)[1]] == [False, True]
    text = store.path.read_text(encoding="utf-8")
    assert text.count('"confirming":false') == 1
    store.path.write_text(text.replace(',"confirming":false', ""), encoding="utf-8")
    assert [one.confirming for one in read_run(tmp_path, pytest.fail)[1]] == [False, True]


def test_a_suite_that_times_no_single_requests_has_none_to_confirm(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text('[texts]\ndatasets = ["article"]\n[measure]\nscenarios = ["cold_start"]\nconfirm = 4\n')
    with pytest.raises(SuiteError, match="confirm is of single_stream; add that to scenarios, or leave confirm out"):
        read_suite(path)


@pytest.mark.parametrize("name", ["full", "quick", "claims"])
def test_the_suites_that_choose_from_many_confirm_and_their_plan_says_so(name: str) -> None:
    confirm = read_suite(find_suite(name)).measure.confirm
    assert confirm > 0
    ablation = prepare(Options(name), lambda _: None)
    assert ablation.rounds == len(ablation.plan) * ablation.suite.measure.rounds + 3 * confirm
    said = uiebench("run", name, "--dry-run").stdout
    assert f"{confirm} confirming round(s) for each of the 3 that look fastest" in said
