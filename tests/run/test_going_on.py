"""A run that was killed goes on where it was, and no record is lost or doubled."""

from __future__ import annotations

import gzip
import json
import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import InputError
from harness.plan.cells import Planned
from harness.plan.suite import Measure
from harness.record import RECORD_VERSION, Cell, ColdStart, Failed, Finished, Header, Line, Measured, Record, StartUp
from harness.run.executors.local import Reference
from harness.run.runner import run
from harness.run.stopping import Schedule
from harness.run.store import RECORDS, Store, done_rounds, go_on, read_run, unfinished_run

SCENARIOS = ("single_stream", "cold_start")
PLAN = [
    Planned(name, exact=True, cells=tuple(Cell(name, one, "texts", "cpu") for one in SCENARIOS)) for name in "abcde"
]
CELLS = {planned.combination: len(planned.cells) for planned in PLAN}
ROUNDS = 3
NOTHING = Reference([], [])
START = StartUp(imports_ns=1, weights_ns=1, first_call_ns=1)


class KilledError(Exception):
    """What a killed process cannot catch."""


class Stub:
    """An executor whose rounds are records at once."""

    def round(self, planned: Planned, number: int, reference: Reference) -> list[Record]:
        return [Measured(cell, number, ColdStart([START], [START])) for cell in planned.cells]


def begin(directory: Path) -> Store:
    directory.mkdir(parents=True)
    store = Store(directory)
    store.append(Header(RECORD_VERSION, "s", "key", "c", 0, "cpu", "mini", [], dict.fromkeys("abcde", True), {}))
    return store


def schedule(until: float | None = None, clock: Callable[[], float] = time.monotonic) -> Schedule:
    return Schedule(PLAN, Measure(rounds=ROUNDS), random.Random(0), assumed_sd=0.02, until=until, clock=clock)


def measure(store: Store, done: list[Record], lines_until_death: int | None, torn: int) -> None:
    left = lines_until_death

    def append(line: Line) -> None:
        nonlocal left
        if left == 0:
            with store.path.open("ab") as file:
                file.write(b'{"type":"measured","cell":{"combination":"a"'[:torn])
            raise KilledError
        left = None if left is None else left - 1
        store.append(line)

    rounds = schedule()
    records = run(rounds, Stub(), NOTHING, append=append, done=done)
    append(Finished(rounds.ends(records), 1.0))


@pytest.mark.parametrize("seed", range(20))
def test_a_run_killed_at_any_moments_ends_with_every_record_once(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    store = begin(tmp_path / "20260101-000000-s")
    done: list[Record] = []
    for _ in range(draw.randint(1, 6)):
        try:
            measure(store, done, draw.randint(0, 12), draw.randint(0, 40))
        except KilledError:
            assert unfinished_run(tmp_path, "key") == store.path.parent
        done = go_on(store.path.parent, CELLS)
    measure(store, done, None, 0)
    _, records = read_run(store.path.parent, warn=pytest.fail)
    counted = Counter((record.cell.combination, record.cell.scenario, record.round) for record in records)
    assert counted == Counter((c, s, r) for c in "abcde" for s in SCENARIOS for r in range(ROUNDS))
    assert unfinished_run(tmp_path, "key") is None


def test_a_published_run_is_read_from_its_packed_records(tmp_path: Path) -> None:
    store = begin(tmp_path / "run")
    measure(store, [], None, 0)
    published = tmp_path / "published"
    published.mkdir()
    (published / f"{RECORDS}.gz").write_bytes(gzip.compress(store.path.read_bytes()))
    assert read_run(published, warn=pytest.fail) == read_run(store.path.parent, warn=pytest.fail)


@pytest.mark.parametrize("spoil", [lambda data: data[:-9], lambda data: data[:20] + b"?" + data[21:], lambda _: b"?"])
def test_packed_records_that_are_cut_or_spoiled_are_named(tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    store = begin(tmp_path / "run")
    measure(store, [], None, 0)
    packed = store.path.with_name(f"{RECORDS}.gz")
    packed.write_bytes(spoil(gzip.compress(store.path.read_bytes())))
    with pytest.raises(InputError, match=r"records\.jsonl\.gz cannot be unpacked"):
        read_run(packed.parent, warn=pytest.fail)


def test_a_run_of_another_key_is_left_alone(tmp_path: Path) -> None:
    begin(tmp_path / "20260101-000000-s")
    assert unfinished_run(tmp_path, "other") is None
    (tmp_path / "20260102-000000-s").mkdir()
    (tmp_path / "20260102-000000-s" / RECORDS).write_text(json.dumps({"type": "header"}))
    assert unfinished_run(tmp_path, "key") == tmp_path / "20260101-000000-s"


def test_a_run_ends_where_its_budget_does() -> None:
    clock = [100.0]

    class Slow(Stub):
        def round(self, planned: Planned, number: int, reference: Reference) -> list[Record]:
            clock[0] += 10
            return super().round(planned, number, reference)

    def measured(until: float) -> list[tuple[str, int]]:
        clock[0] = 100.0
        records = run(schedule(until, lambda: clock[0]), Slow(), NOTHING, append=lambda _: None)
        return [(record.cell.combination, record.round) for record in records]

    assert {number for _, number in measured(150)} == {0}  # five rounds of 10 s: each combination once
    assert len(measured(150)) == len(PLAN) * len(SCENARIOS)
    assert len(measured(149)) == (len(PLAN) - 1) * len(SCENARIOS)
    assert len(measured(10_000)) == len(PLAN) * len(SCENARIOS) * ROUNDS


def test_progress_counts_the_rounds_that_are_left(tmp_path: Path) -> None:
    told: list[int] = []
    store = begin(tmp_path / "20260101-000000-s")
    done = [record for planned in PLAN[:2] for record in Stub().round(planned, 0, NOTHING)]
    run(schedule(), Stub(), NOTHING, append=store.append, done=done, progress=lambda _, left: told.append(left))
    assert told == list(range(len(PLAN) * ROUNDS - 2, 0, -1))


def test_a_round_that_failed_is_done_too() -> None:
    failed: list[Record] = [Failed(cell, 0, "crash", "it died") for cell in PLAN[0].cells]
    assert done_rounds(failed, CELLS) == {("a", 0)}
    assert done_rounds(failed[:1], CELLS) == set()
