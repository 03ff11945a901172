"""How often a gate errs, and how often it finds what is planted in a working tree (`make gate-rates`; two hours).

A clone of this repository is the revision that is compared with; a plant is an edit of the clone's working tree. Times
are judged over gates of 8 rounds drawn from recorded ones, by the gate's own functions; all else by whole gates.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean

import numpy as np

from harness.analyse.compare import assumed_sd, ratios, streams
from harness.analyse.entries import Entry
from harness.analyse.gate import Against, judge
from harness.analyse.rules import Rule
from harness.analyse.shifts import Shifts
from harness.data.dataset import read_dataset
from harness.run.store import read_run

ROOT = Path(__file__).parents[2]
ROUNDS, GATES, COUNTED = 60, 3, 20  # recorded; whole gates of time; whole gates of all else
LOOKS = (4, 8)  # of a gate of 8 rounds
RUNS, RESAMPLES, SLOWDOWN = 400, 100, 0.10
CELL = "dynamic_truncation"
TIMED = Rule("latency_ratio", cell=CELL, max_increase="5%")
SUITE = """
[combinations]
design = "explicit"
include = ["dynamic_truncation"]
[texts]
datasets = ["business/test"]
count = {count}
{compared}
[measure]
scenarios = ["single_stream"]
passes = {passes}
"""
RULES = {
    "time": f'rounds = 8\n[[rule]]\nmetric = "latency_ratio"\ncell = "{CELL}"\nmax_increase = "5%"\n',
    "answers": '[[rule]]\nmetric = "parity"\n',
    "rest": '[[rule]]\nmetric = "parity"\n[[rule]]\nmetric = "peak_rss_bytes"\nmax_increase = "8MiB"\n',
}
TOKENIZE = Path("harness/baseline/tokenize.py")
BEGINS = "        encoding = self.backend.encode(text)\n"
# Records so many rounds of the working tree that it runs in against HEAD, whatever they show.
RECORD = """
import random, sys
from dataclasses import replace
from pathlib import Path
from harness.gate.revision import AgainstOther, Other
from harness.gate.worktree import checked_out, find_revision
from harness.run.ablation import Options, execute, prepare
from harness.selfcheck.check import Counted
cell, rounds, suite = sys.argv[1], int(sys.argv[2]), sys.argv[3]
revision = find_revision("HEAD", Path.cwd())
with checked_out(revision) as tree:
    other, options = Other(tree, revision), Options(suite, fresh=True)
    ablation = prepare(replace(options, partner=other.name))
    reasons = other.plan(options)
    plan = tuple(one for one in ablation.plan if one.combination == cell)
    drawn = Counted(plan, {cell: rounds}, random.Random(0))
    print(execute(replace(ablation, plan=plan), lambda _, left: print(left, "rounds left", file=sys.stderr),
                  executor_of=lambda settings: AgainstOther(settings, other, reasons), rounds_of=lambda _: drawn))
"""


def main() -> None:
    """Print what was found; `time`, `answers` or `rest` as arguments for parts of it."""
    parts = {"time": _time, "answers": _answers, "rest": _rest}
    for name in sys.argv[1:] or parts:
        with tempfile.TemporaryDirectory(prefix="gate-rates-") as directory:
            tree = Path(directory) / "tree"
            _clone(tree)
            parts[name](tree)


def _time(tree: Path) -> None:
    """Rounds of the unchanged and of a slower tree; verdicts drawn from them, and whole gates."""
    unchanged = _record(tree)
    _say("unchanged tree, alarmed", *_rate(unchanged))
    print("whole gates of the unchanged tree exit with", [_gate(tree, "time")[0] for _ in range(GATES)], flush=True)
    _slow(tree, unchanged)
    _say("10 % slower, found", *_rate(_record(tree)))
    print("whole gates of the slower tree exit with", [_gate(tree, "time")[0] for _ in range(GATES)], flush=True)


def _answers(tree: Path) -> None:
    """Whole gates on trees that answer one text otherwise."""
    texts = [example for example in read_dataset("business/test") if len(example.gold or []) > 3]
    some = random.Random(0).sample(texts, COUNTED)
    found = sum(
        _is_found(tree, "answers", lambda number: _misanswer(tree, some[number].id, some[number].text), number)
        for number in range(COUNTED)
    )
    print(f"a wrong span in one of 100 texts: {found} of {COUNTED} found and named", flush=True)


def _rest(tree: Path) -> None:
    """Whole gates on trees with one thing wrong, and on the unchanged one."""
    plants: dict[str, Callable[[int], str]] = {
        "64 MiB more memory": lambda _: _grow(tree),
        "a removed cell": lambda _: _edit(tree / "rest.toml", f'"{CELL}"', "", CELL),
        "a renamed cell": lambda _: _edit(tree / "rest.toml", f'"{CELL}"', '"batching"', "batching: was it renamed"),
    }
    for name, make in plants.items():
        found = sum(_is_found(tree, "rest", make, number) for number in range(COUNTED))
        print(f"{name}: {found} of {COUNTED} found and named", flush=True)
    clean = sum(_gate(tree, "rest")[0] == 0 for _ in range(COUNTED))
    print(f"unchanged tree: {clean} of {COUNTED} pass", flush=True)


def _clone(tree: Path) -> None:
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(tree)], check=True)
    (tree / "time.toml").write_text(SUITE.format(count=8, passes=12, compared=""))
    (tree / "rest.toml").write_text(SUITE.format(count=8, passes=1, compared=""))
    (tree / "answers.toml").write_text(SUITE.format(count=2, passes=1, compared='compared = ["business/test"]'))
    for name, rules in RULES.items():
        (tree / f"{name}-rules.toml").write_text(f'suite = "{name}.toml"\n{rules}')
    _git(tree, "add", ".")
    _git(tree, "commit", "--quiet", "--message=rules")


def _git(tree: Path, *arguments: str) -> None:
    subprocess.run(
        ["git", "-C", str(tree), "-c", "user.name=a", "-c", "user.email=a@b.example", *arguments], check=True
    )


def _restore(tree: Path) -> None:
    _git(tree, "checkout", "--quiet", "--force", "HEAD")


def _record(tree: Path) -> Path:
    command = [sys.executable, "-c", RECORD, CELL, str(ROUNDS), "time.toml"]
    done = subprocess.run(command, cwd=tree, env=_environment(tree), check=True, stdout=subprocess.PIPE, text=True)
    return tree / done.stdout.splitlines()[-1]


def _gate(tree: Path, rules: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "harness", "gate", "--against-ref", "HEAD", "--rules", f"{rules}-rules.toml"]
    done = subprocess.run(command, cwd=tree, env=_environment(tree), check=False, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def _environment(tree: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(tree)}


def _is_found(tree: Path, rules: str, plant: Callable[[int], str], number: int) -> bool:
    _restore(tree)
    named = plant(number)
    status, said = _gate(tree, rules)
    _restore(tree)
    found = status == 1 and any(named in line for line in said.splitlines() if line.startswith("FAIL"))
    if not found:
        print(f"not found: {named} (exit {status})\n{said}", file=sys.stderr)
    return found


def _edit(path: Path, old: str, new: str, named: str) -> str:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    return named


def _misanswer(tree: Path, name: str, text: str) -> str:
    offsets = "np.asarray(encoding.offsets, dtype=np.int64).reshape(-1, 2)"
    return _edit(tree / TOKENIZE, offsets, f"({offsets} + (text == {text!r})).clip(max=len(text))", name)


def _grow(tree: Path) -> str:
    plant = "        if not _KEPT:\n            _KEPT.append(bytearray(b'1' * (64 << 20)))\n"
    _edit(tree / TOKENIZE, BEGINS, BEGINS + plant, "")
    return _edit(tree / TOKENIZE, "class TextTokenizer", "_KEPT = []\n\n\nclass TextTokenizer", "peak_rss_bytes")


def _slow(tree: Path, unchanged: Path) -> None:
    """Every tokenization waits, busily, for a share of what the requests of its text took."""
    header, records = read_run(unchanged, print)
    texts = {f"business/test:{example.id}": example.text for example in read_dataset("business/test")}
    rounds = [passed for one in streams(records)[CELL] for passed in one.own_ns]
    waits = {
        texts[name]: SLOWDOWN * fmean(passed[place] for passed in rounds) / 1e9
        for place, name in enumerate(header.texts)
    }
    wait = "        end = time.perf_counter() + _WAITS.get(text, 0.0)\n        while time.perf_counter() < end:\n"
    _edit(tree / TOKENIZE, BEGINS, f"{wait}            pass\n{BEGINS}", "")
    table = json.dumps(waits, ensure_ascii=False)
    _edit(tree / TOKENIZE, "class TextTokenizer", f"import time\n_WAITS = {table}\n\n\nclass TextTokenizer", "")


def _rate(run: Path) -> tuple[float, float, float]:
    """The share of gates that fail, with its 95 % interval over resampled rounds."""
    header, records = read_run(run, print)
    recorded, rng = np.array(ratios(records)[CELL]), np.random.default_rng(0)
    sd = assumed_sd(header.environment)
    print(f"{len(recorded)} rounds, mean {np.exp(recorded.mean()):.3f}, sd {recorded.std(ddof=1):.2%}")

    def share(rounds: np.ndarray, runs: int) -> float:
        return fmean(_fails(list(rng.choice(rounds, size=LOOKS[-1])), sd) for _ in range(runs))

    again = [share(rng.choice(recorded, size=len(recorded)), RUNS // 4) for _ in range(RESAMPLES)]
    low, high = np.quantile(again, [0.025, 0.975])
    return share(recorded, RUNS), float(low), float(high)


def _fails(rounds: Sequence[float], sd: float) -> bool:
    old = {CELL: Entry(CELL, exact=True, problem=None)}
    verdict = "inconclusive"
    for look in LOOKS:
        new = {CELL: Entry(CELL, exact=True, problem=None, time=list(rounds[:look]))}
        (found,) = judge([TIMED], new, Against(old, "HEAD", paired=True), Shifts(new, old, paired=True, assumed_sd=sd))
        verdict = found.verdict
        if verdict != "inconclusive":
            break
    return verdict == "fail"


def _say(what: str, value: float, low: float, high: float) -> None:
    print(f"{what}: {value:.1%} [{low:.1%}, {high:.1%}] of gates of {LOOKS[-1]} rounds", flush=True)


if __name__ == "__main__":
    main()
