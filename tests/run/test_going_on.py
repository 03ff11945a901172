"""A run that was killed goes on where it was, and no record is lost or doubled."""

from __future__ import annotations

import errno
import gzip
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from harness.errors import InputError
from harness.plan.cells import Planned
from harness.plan.suite import Measure
from harness.record import (
    BASELINE,
    RECORD_VERSION,
    Cell,
    ColdStart,
    Failed,
    FailedKind,
    Finished,
    Header,
    Line,
    Measured,
    Record,
    Scenario,
    StartUp,
)
from harness.run.executors.recorded import Reference
from harness.run.runner import run
from harness.run.stopping import Schedule, broken
from harness.run.store import RECORDS, Store, done_rounds, go_on, held, read_run, unfinished_run

SCENARIOS: tuple[Scenario, ...] = ("single_stream", "cold_start")
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
            assert unfinished_run(tmp_path, "key", pytest.fail) == store.path.parent
        done = go_on(store.path.parent, CELLS)
    measure(store, done, None, 0)
    _, records = read_run(store.path.parent, warn=pytest.fail)
    counted = Counter((record.cell.combination, record.cell.scenario, record.round) for record in records)
    assert counted == Counter((c, s, r) for c in "abcde" for s in SCENARIOS for r in range(ROUNDS))
    assert unfinished_run(tmp_path, "key", pytest.fail) is None


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
    assert unfinished_run(tmp_path, "other", pytest.fail) is None
    (tmp_path / "20260102-000000-s").mkdir()
    (tmp_path / "20260102-000000-s" / RECORDS).write_text(json.dumps({"type": "header"}))
    assert unfinished_run(tmp_path, "key", pytest.fail) == tmp_path / "20260101-000000-s"


HOLDS = """
import subprocess, sys, time
from pathlib import Path
from harness.run.store import held
with held(Path(sys.argv[1])):
    worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], close_fds=False)
    print(worker.pid, flush=True)
    time.sleep(60)
"""


def test_a_run_that_is_being_made_is_left_alone_until_its_process_is_gone(tmp_path: Path) -> None:
    older, live = (begin(tmp_path / f"2026010{day}-000000-s").path.parent for day in (1, 2))
    told: list[str] = []
    command = [sys.executable, "-c", HOLDS, str(live)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as maker:
        assert maker.stdout is not None
        worker = int(maker.stdout.readline())
        assert unfinished_run(tmp_path, "key", told.append) == older
        with pytest.raises(InputError, match="another process is making the run"), held(live):
            pytest.fail("two processes make one run")
        maker.kill()
        maker.wait()
        try:  # a worker may live a little longer than what started it
            assert unfinished_run(tmp_path, "key", pytest.fail) == live
        finally:
            os.kill(worker, signal.SIGKILL)
    assert [str(live) in line for line in told] == [True]


def test_a_file_system_without_locks_keeps_nobody_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOTSUP, "Operation not supported")

    monkeypatch.setattr("fcntl.flock", refuse)
    directory = begin(tmp_path / "20260101-000000-s").path.parent
    with held(directory):
        assert unfinished_run(tmp_path, "key", pytest.fail) == directory


class Failing(Stub):
    """Rounds that fail while it is asked for."""

    def __init__(self, kinds: Mapping[str, FailedKind]) -> None:
        self.kinds, self.passing, self.made = kinds, False, Counter[str]()

    def round(self, planned: Planned, number: int, reference: Reference) -> list[Record]:
        self.made[planned.combination] += 1
        kind = self.kinds.get(planned.combination)
        passed = self.passing or (planned.combination == BASELINE and number == 0)
        if kind is None or passed:
            return super().round(planned, number, reference)
        return [Failed(cell, number, kind, "it died") for cell in planned.cells]


@pytest.mark.parametrize("kinds", [dict.fromkeys(["a", "b", BASELINE], "partner"), {BASELINE: "out_of_memory"}])
def test_what_broke_a_run_off_is_tried_again_and_nothing_else_is(tmp_path: Path, kinds: dict[str, FailedKind]) -> None:
    plan = [
        Planned(name, exact=True, cells=tuple(Cell(name, one, "texts", "cpu") for one in SCENARIOS))
        for name in ("a", "b", BASELINE)
    ]
    cells, store = dict.fromkeys(("a", "b", BASELINE), len(SCENARIOS)), begin(tmp_path / "20260101-000000-s")
    executor = Failing(kinds)

    def start(done: list[Record]) -> list[Record]:
        rounds = Schedule(plan, Measure(rounds=4), random.Random(0), assumed_sd=0.02)
        records = run(rounds, executor, NOTHING, append=store.append, done=done)
        store.append(Finished(rounds.ends(records), 1.0))
        return records

    before = start([])
    assert broken(before)
    assert unfinished_run(tmp_path, "key", pytest.fail) == store.path.parent
    executor.passing = True
    done = go_on(store.path.parent, cells)
    assert [one for one in before if not isinstance(one, Failed)] == done
    after = start(done)
    assert not broken(after)
    _, written = read_run(store.path.parent, warn=pytest.fail)
    assert written == after
    counted = Counter((one.cell.combination, one.cell.scenario, one.round) for one in written)
    assert counted == Counter((c, s, r) for c in cells for s in SCENARIOS for r in range(4))


def test_what_failed_without_breaking_a_run_off_stays(tmp_path: Path) -> None:
    store = begin(tmp_path / "20260101-000000-s")
    once = [Failed(cell, 0, "partner", "it died") for cell in PLAN[0].cells]
    for record in once:
        store.append(record)
    assert go_on(store.path.parent, CELLS) == once


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
