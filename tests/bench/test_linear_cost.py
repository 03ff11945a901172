"""The bench of linear cost finds what is planted: time that grows, answers that stay, files that are read at once.

Nothing here depends on how fast or how busy the machine is: texts take as long as a made-up clock says, and a stand-in
answers only as fast as it is heard.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from itertools import count, groupby
from pathlib import Path
from types import SimpleNamespace

import linear_cost
import numpy as np
import pytest
import turns
from growth import Blocks, findings, kept, verdict
from linear_cost import line, main, measure, read_sizes, shortest
from turns import Block, Extraction, Plan, take_turns

from harness.baseline.tokenize import from_vocabulary
from harness.errors import InputError, UiebenchError

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "checkpoint"
MIB = 1 << 20
# An answer fills a pipe, so that it is never ahead of who hears it.
STAND_IN = """
import sys
plant, kept = sys.argv[1], []
texts = open(sys.argv[2], encoding="utf-8")
if plant == "reads ahead":
    texts = [text * 10 for text in texts]
for number, text in enumerate(texts):
    if plant == "keeps":
        kept.append(bytearray(b"1" * 4000))
    if plant == "breaks" and number == 100:
        sys.exit("no more of this")
    print(f"{number:065536}", flush=True)
sys.exit(2 if plant == "ends badly" else 0)
"""
# Those that are not held back by their pipe are slow at the end, so that none is over before its last turn. This one is
# the real command, which keeps 64 KiB of each text.
KEEPING = """
import sys, time
from harness.baseline.extractor import Extractor
from harness.cli import main
kept, usual = [], Extractor.extract
size = sum(1 for _ in open(sys.argv[3], encoding="utf-8"))
def extract(self, *asked):
    time.sleep(0.2 if len(kept) >= size - 3 else 0)
    kept.append(bytearray(b"1" * (64 << 10)))
    return usual(self, *asked)
Extractor.extract = extract
main()
"""
# Two of this one write down who answers each text.
ALTERNATING = """
import sys, time
name, size, notes = sys.argv[1], int(sys.argv[2]), open(sys.argv[3], "a")
for number in range(size):
    time.sleep(0.2 if number >= size - 3 else 0.001)
    print(name, file=notes, flush=True)
    print(number, flush=True)
"""
SIZES, CYCLE = (600, 12_000), 12
TIME = {
    "time of a text, 12,000 to 600 texts, over all rounds",
    "time of a text, 12,000 to 600 texts, in the last quarter",
}
STAYS, BEYOND = "memory kept over 12,000 texts", "memory of 12,000 texts beyond that of 600"


def stand_in(plant: str) -> Callable[[Path], list[str]]:
    return lambda file: [sys.executable, "-c", STAND_IN, plant, str(file)]


def made_up_clock(monkeypatch: pytest.MonkeyPatch, plant: str) -> None:
    """A text takes a millisecond; where the process tires, twice as long after 6,000 texts."""
    growth = np.arange(max(SIZES)) / 6000 if plant == "tires" else np.zeros(max(SIZES))
    each = 1e6 * (1 + growth) * np.exp(np.random.default_rng(0).normal(0, 0.02, max(SIZES)))
    at = [0, *each.cumsum().round().astype(int).tolist()]
    monkeypatch.setattr(Extraction, "now", lambda self: at[self.done])


def failing(plan: Plan, command_of: Callable[[Path], Sequence[str]], folder: Path) -> set[str]:
    blocks = measure(plan, command_of, folder, time.monotonic() + 300, lambda _: None)
    return {one.what for one in findings(blocks, plan.rounds) if one.verdict == "fail"}


@pytest.mark.parametrize(
    ("plant", "fails"),
    [("nothing", set[str]()), ("tires", TIME), ("keeps", {STAYS, BEYOND}), ("reads ahead", {BEYOND})],
)
def test_each_plant_is_found_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plant: str, fails: set[str]
) -> None:
    made_up_clock(monkeypatch, plant)
    assert failing(Plan.of(SIZES, CYCLE), stand_in(plant), tmp_path) == fails


def test_texts_are_timed_by_the_clock_on_the_wall(tmp_path: Path) -> None:
    with Extraction([sys.executable, "-c", ""], tmp_path / "log") as one:
        before, now, after = time.perf_counter_ns(), one.now(), time.perf_counter_ns()
    assert before <= now <= after


def test_the_real_command_answers_all_and_what_it_keeps_is_found(tmp_path: Path) -> None:
    def command(file: Path) -> list[str]:
        return [sys.executable, "-c", KEEPING, "extract", "--input", str(file), "--checkpoint", str(GOLDEN)]

    found = failing(Plan.of((64, 160), 4), command, tmp_path)
    assert "memory kept over 160 texts" in found


def test_the_command_is_the_users_own() -> None:
    command = linear_cost.extraction(GOLDEN, Path("a.jsonl"))
    assert command[-5:] == ["extract", "--input", "a.jsonl", "--checkpoint", str(GOLDEN)]


@pytest.mark.parametrize(("plant", "said"), [("breaks", "no more of this"), ("ends badly", "status 2")])
def test_a_process_that_breaks_is_named_with_what_it_said(tmp_path: Path, plant: str, said: str) -> None:
    with pytest.raises(UiebenchError, match=said):
        failing(Plan.of((600, 1200), CYCLE), stand_in(plant), tmp_path)


@pytest.mark.parametrize(
    ("plant", "budget", "status", "said"),
    [("tires", "5m", 1, "| fail |"), ("nothing", "1ms", 3, "| rounds in the budget | 0 of 32 | all | inconclusive |")],
)
def test_the_exit_status_says_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], plant: str, budget: str, status: int, said: str
) -> None:
    made_up_clock(monkeypatch, plant)
    monkeypatch.setattr(linear_cost, "extraction", lambda _, file: stand_in(plant)(file))
    asked = ["--sizes", "600,12000", "--texts", str(CYCLE), "--budget", budget, "--checkpoint", str(GOLDEN)]
    monkeypatch.setattr(sys, "argv", ["linear_cost.py", *asked])
    assert main() == status
    assert said in capsys.readouterr().out


def test_texts_are_all_different_and_take_the_same_whatever_their_number() -> None:
    texts, tokenizer = shortest(3), from_vocabulary(GOLDEN)
    found = [json.loads(line(texts, number))["text"] for number in range(3000)]
    assert len(set(found)) == 3000
    assert [len({len(tokenizer.text(text).ids) for text in found[place::3]}) for place in range(3)] == [1, 1, 1]
    assert len({linear_cost.digits(number) for number in range(0, 10**6, 7)}) == len(range(0, 10**6, 7))


@pytest.mark.parametrize(
    ("sizes", "texts", "said"),
    [
        ("1000", 24, "two sizes"),
        ("1000,1000", 24, "two sizes"),
        ("1000,x", 24, "'x' is no number"),
        ("1000,-5", 24, "'-5' is no number"),
        ("1000,1000001", 24, "up to 1000000"),
        ("100,1000", 24, "100 texts are too few to alternate with 24 different ones; take 264"),
        ("1000,10000", 0, "take 24"),
    ],
)
def test_sizes_that_cannot_be_compared_are_refused(sizes: str, texts: int, said: str) -> None:
    with pytest.raises(InputError, match=said):
        Plan.of(read_sizes(sizes), texts)


def test_more_texts_than_there_are_are_refused() -> None:
    with pytest.raises(InputError, match="101 are asked for"):
        shortest(101)


@pytest.mark.parametrize(("sizes", "cycle"), [((1000, 10_000, 100_000), 24), ((264, 265), 24), ((64, 480), 4)])
def test_all_processes_begin_and_end_together(sizes: tuple[int, ...], cycle: int) -> None:
    plan = Plan.of(sizes, cycle)
    for size in sizes:
        targets = [cycle, *(plan.target(size, number) for number in range(plan.rounds))]
        assert targets[-1] == size - cycle
        assert min(np.diff(targets)) > cycle
        assert max(np.diff(targets)) - min(np.diff(targets)) <= 1


def test_a_budget_that_is_spent_ends_after_a_whole_round(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = Plan.of((600, 1200), CYCLE)
    made_up_clock(monkeypatch, "nothing")
    monkeypatch.setattr(turns, "time", SimpleNamespace(monotonic=count(0, 3).__next__))
    blocks = measure(plan, stand_in("nothing"), tmp_path, 15, lambda _: None)
    assert len(blocks[600]) == len(blocks[1200]) == 3 < plan.rounds  # a fourth, which begins at 12 s, would take 4
    assert findings(blocks, plan.rounds)[0].verdict == "inconclusive"


def made_up(
    *, later: float = 1.0, noise: float = 0.02, kept_bytes: float = 0.0, step: float = 0.0, ahead: float = 0.0
) -> Blocks:
    """Three processes on a machine that slows down by a half over the hour; what is planted is in all of them."""
    chance, rounds = np.random.default_rng(0), 32

    def block(size: int, number: int, steps: float) -> Block:
        done = size * (number + 0.5) / rounds
        grown = later ** (done / 100_000) * (1 + number / rounds / 2)
        resident = 400 * MIB + kept_bytes * done + step * steps + ahead * size + chance.normal(0, 0.02 * MIB)
        return Block(1e7 * grown * float(np.exp(chance.normal(0, noise))), done, resident, round(resident))

    return {
        size: [block(size, number, steps) for number, steps in enumerate(chance.normal(0, 1, rounds).cumsum())]
        for size in (1000, 10_000, 100_000)
    }


@pytest.mark.parametrize(
    ("blocks", "comes_to"),
    [
        (made_up(), "pass"),
        (made_up(later=1.1), "pass"),  # 5 % on average, and 9 % in the last quarter
        (made_up(later=1.3), "fail"),
        (made_up(later=0.7), "fail"),
        (made_up(noise=0.5), "inconclusive"),
        (made_up(kept_bytes=100), "fail"),
        (made_up(ahead=100), "fail"),
        (made_up(step=0.4 * MIB), "inconclusive"),  # memory that wanders says nothing of what is kept
    ],
)
def test_what_made_up_processes_come_to(blocks: Blocks, comes_to: str) -> None:
    assert verdict(findings(blocks, 32)) == comes_to


def test_what_is_kept_has_the_truth_in_its_interval() -> None:
    found = kept(made_up(kept_bytes=100)[100_000])
    assert found.low < 100 < found.high
    assert found.high - found.low < 40


def test_nothing_runs_while_another_has_its_turn(tmp_path: Path) -> None:
    plan, notes = Plan.of((400, 800), 4), tmp_path / "notes"
    commands = {size: [sys.executable, "-c", ALTERNATING, str(size), str(size), str(notes)] for size in plan.sizes}
    take_turns(commands, plan, tmp_path, time.monotonic() + 300, lambda _: None)
    written = notes.read_text(encoding="utf-8").split()
    assert {size: written.count(size) for size in set(written)} == {"400": 400, "800": 800}
    # Each one's texts come in a piece a round, and before the first and after the last.
    assert len(list(groupby(written))) <= 2 * (plan.rounds + 2)
