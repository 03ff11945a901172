"""A GPU run on a machine without a GPU: what is done is not done again, what does not fit is left and told."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random

import msgspec
import pytest
from made_up import HEADER

from gpu import slices
from gpu.__main__ import main, settle
from gpu.kept import Kept, Outcome
from gpu.slices import make, program, summary
from gpu.steps import HERE, ROOT, Step, steps
from harness.plan.suite import find_suite, read_suite
from harness.record import End, Finished
from harness.run.store import Store

SLEEPS = """
import time
try:
    print("begun", flush=True)
    time.sleep(600)
except KeyboardInterrupt:
    print("told")
"""


class Clock:
    """Stands still but for what runs."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Made:
    """Programs that only take time; those that would take longer than they may are ended."""

    def __init__(self, clock: Clock, takes: dict[str, float], statuses: dict[str, int] | None = None) -> None:
        self.clock, self.takes, self.statuses = clock, takes, statuses or {}
        self.started: list[tuple[str, float]] = []

    def __call__(self, arguments: Sequence[str], log: Path, limit_s: float) -> int | None:
        name = arguments[0]
        self.started.append((name, limit_s))
        log.write_text(" ".join(arguments))
        took = self.takes[name]
        self.clock.now += min(took, limit_s)
        return self.statuses.get(name, 0) if took <= limit_s else None


def step(name: str, limit_s: float, suite: str | None = None) -> Step:
    return Step(name, (name, "{here}", "{budget}"), limit_s, suite)


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path / "gpu")


def ended(kept: Kept, suite: str, rule: str | None, at: str) -> None:
    """A run of that suite; without a rule one that is still under way."""
    directory = kept.runs / f"{at}-{suite}"
    directory.mkdir(exist_ok=True)
    store = Store(directory)
    store.append(msgspec.structs.replace(HEADER, suite=suite))
    if rule is not None:
        store.append(Finished([End("baseline", 1, rule)], 1.0))


def test_a_step_that_is_done_is_not_done_again_and_one_that_does_not_fit_is_left(kept: Kept) -> None:
    chosen, said = [step("a", 60), step("b", 300), step("c", 30)], list[str]()
    clock = Clock()
    first = Made(clock, {"a": 50, "b": 1, "c": 10})
    assert make(chosen, kept, 200, said.append, start=first, clock=clock)
    assert [name for name, _ in first.started] == ["a", "c"]
    assert said[-1] == "left: b; the same command goes on"
    second = Made(clock, {"b": 200})
    assert make(chosen, kept, 540, said.append, start=second, clock=clock)
    assert second.started == [("b", 300)]
    assert said[-1] == "nothing is left"
    assert make(chosen, kept, 540, said.append, start=Made(clock, {}), clock=clock)
    kept.forget("c")
    third = Made(clock, {"c": 1})
    make(chosen, kept, 540, said.append, start=third, clock=clock)
    assert [name for name, _ in third.started] == ["c"]


def test_a_slice_ends_before_its_time(kept: Kept) -> None:
    clock = Clock()
    greedy = Made(clock, dict.fromkeys("abcd", 10.0**6))
    make(
        [step("a", 100), *(step(name, 600, name) for name in "bcd")],
        kept,
        400,
        lambda _: None,
        start=greedy,
        clock=clock,
    )
    assert clock.now + slices.ENDING_S + slices.PACKING_S <= 400
    assert [name for name, _ in greedy.started] == ["a", "b"]


@pytest.mark.parametrize(("rule", "goes_on"), [("budget", True), (None, True), ("rounds", False)])
def test_a_run_goes_on_until_it_is_whole(kept: Kept, rule: str | None, goes_on: bool) -> None:
    ended(kept, "other", "rounds", "3")
    ended(kept, "quick", "rounds" if goes_on else "budget", "1")  # an older one says nothing
    ended(kept, "quick", rule, "2")
    clock, said = Clock(), list[str]()
    made = Made(clock, {"a": 50})
    for _ in range(2):
        make([step("a", 600, "quick")], kept, 200, said.append, start=made, clock=clock)
    assert len(made.started) == 1 + goes_on
    outcome = kept.outcome("a")
    assert outcome is not None
    assert (outcome.whole, outcome.seconds) == (not goes_on, 50 * len(made.started))


def test_a_run_is_told_how_long_it_may_take_and_where_to(kept: Kept) -> None:
    clock = Clock()
    make([step("a", 600, "quick")], kept, 330, lambda _: None, start=Made(clock, {"a": 1}), clock=clock)
    _, here, budget = (kept.of("a") / "log.txt").read_text().split()
    assert (here, budget) == (str(kept.of("a")), "275s")


@pytest.mark.parametrize(("status", "suite", "well"), [(0, None, True), (1, None, False), (1, "quick", False)])
def test_a_step_that_fails_is_done_and_told(kept: Kept, status: int, suite: str | None, well: bool) -> None:
    clock, said = Clock(), list[str]()
    made = Made(clock, {"a": 1}, {"a": status})
    assert make([step("a", 60, suite)], kept, 540, said.append, start=made, clock=clock) is well
    assert f"exit status {status}" in said[1]


def test_only_a_step_that_goes_on_may_be_ended_by_the_slice(kept: Kept) -> None:
    for suite, well in ((None, False), ("quick", True)):
        clock = Clock()
        name = f"a{suite}"
        made = Made(clock, {name: 10**6})
        assert make([step(name, 60, suite)], kept, 540, lambda _: None, start=made, clock=clock) is well


def test_another_machine_goes_on_from_the_packed_file(kept: Kept, tmp_path: Path) -> None:
    clock, chosen = Clock(), [step("a", 60), step("b", 60)]
    make(chosen[:1], kept, 540, lambda _: None, start=Made(clock, {"a": 1}), clock=clock)
    ended(kept, "quick", "budget", "1")
    (kept.runs / "1-quick" / "report.html").write_text("made again from the records")
    kept.pack()
    (tmp_path / "elsewhere").mkdir()
    shutil.copy(kept.packed, tmp_path / "elsewhere")
    there = Kept(tmp_path / "elsewhere" / "gpu")
    assert there.outcome("a") == kept.outcome("a")
    assert sorted(path.name for path in (there.runs / "1-quick").iterdir()) == ["records.jsonl"]
    made = Made(clock, {"b": 1})
    make(chosen, there, 540, lambda _: None, start=made, clock=clock)
    assert [name for name, _ in made.started] == ["b"]


def test_the_packed_file_stays_within_its_limit_and_says_what_it_lacks(kept: Kept) -> None:
    kept.keep("a", Outcome(0, 1.0, whole=True))
    (kept.of("a") / "large").write_bytes(bytes(range(256)) * 4096)
    (kept.of("a") / "random").write_bytes(Random(0).randbytes(1 << 16))
    assert kept.pack() == []
    assert kept.packed.stat().st_size > 1 << 16
    assert kept.pack(largest_bytes=1 << 15) == ["steps/a/large", "steps/a/random"]
    assert kept.packed.stat().st_size <= 1 << 15


def test_a_program_that_takes_too_long_is_interrupted(tmp_path: Path) -> None:
    log, patient = tmp_path / "log", 60.0
    assert program(["-c", "import gpu, harness; print('there')"], log, patient) == 0
    assert program(["-c", "raise SystemExit(3)"], log, patient) == 3
    assert log.read_text() == "there\n"
    assert program(["-c", SLEEPS], log, 2.0) is None
    assert log.read_text().endswith("begun\ntold\n")


def test_every_suite_of_a_step_is_one_and_what_it_runs_is_there() -> None:
    for one in steps("cuda"):
        if "run" in one.arguments:
            name = one.arguments[one.arguments.index("run") + 1]
            suite = read_suite(find_suite(name))
            assert suite.measure.rounds
            assert one.suite in (None, find_suite(name).stem)
        for argument in one.arguments:
            assert not argument.startswith("tests/") or (ROOT / argument).is_file()


def test_on_a_cpu_what_any_model_shows_is_shown_by_a_small_one() -> None:
    def checkpoints(device: str) -> dict[str, str]:
        return {
            one.name: one.arguments[one.arguments.index("--checkpoint") + 1]
            for one in steps(device)
            if one.name in ("probe", "out_of_memory", "base")
        }

    assert checkpoints("cuda") == dict.fromkeys(("probe", "out_of_memory", "base"), "base")
    assert checkpoints("cpu") == {"probe": "mini", "out_of_memory": "mini", "base": "base"}
    suite = read_suite(HERE / "out_of_memory.toml")
    assert (suite.texts.ids, suite.measure.rounds, suite.measure.passes) == (["article:article-001"], 1, 1)


def told(arguments: Sequence[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    monkeypatch.setattr(sys, "argv", ["gpu", *arguments])
    assert main() == 0
    return capsys.readouterr().out


def test_a_dry_run_says_all_steps_and_does_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = told(["--dry-run", "--device", "cpu", "--folder", str(tmp_path / "gpu")], monkeypatch, capsys)
    assert [line.partition(":")[0] for line in said.splitlines()] == [one.name for one in steps("cpu")]
    assert not list(tmp_path.iterdir())


def test_a_slice_from_its_command_line_on_a_cpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "gpu"
    monkeypatch.setattr("gpu.__main__.CHECKPOINTS", ("mini",))
    arguments = ["--device", "cpu", "--only", "facts", "--slice", "3m", "--folder", str(folder)]
    said = told(arguments, monkeypatch, capsys)
    assert "nothing is left" in said
    facts = msgspec.json.decode((folder / "steps" / "facts" / "facts.json").read_bytes())
    assert facts["packages"]["torch"]
    assert (tmp_path / "gpu.tar.gz").stat().st_size > 0
    assert "facts: at most" not in told(arguments, monkeypatch, capsys)


def test_a_step_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["gpu", "--only", "facts", "fcts"])
    with pytest.raises(SystemExit):
        main()
    assert "no step is called fcts; they are facts, tests" in capsys.readouterr().err


def test_a_checkpoint_that_is_made_anew_is_the_one_that_a_run_began_with(tmp_path: Path) -> None:
    (tmp_path / "modelscope").mkdir()
    file = tmp_path / "modelscope" / "config.json"
    times = set()
    for written in ("{}", "{}"):
        file.write_text(written)
        settle(tmp_path)
        times.add(file.stat().st_mtime_ns)
    assert times == {0}


def test_what_was_not_begun_is_left(kept: Kept) -> None:
    assert summary([step("a", 1)], kept) == ["a              not begun", "left: a; the same command goes on"]
