"""How often a gate errs, and how often it finds what is planted in times or in a working tree (`make gate-rates`).

Times are judged over gates of 4 and of 8 rounds that are drawn from recorded ones, by the gate's own functions; what
is planted there is planted in the recorded times. All else is judged by whole gates: a clone of this repository is the
revision that is compared with, and a plant is an edit of the clone's working tree.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from drawn_gates import CELL, RULES, STARTER, Round, identical, recorded, table

from harness.analyse.compare import assumed_sd
from harness.analyse.rates import counted
from harness.data.dataset import read_dataset
from harness.run.store import read_run
from harness.units import NS_PER_S

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "reports" / "cpu" / "claims"  # the run with the most rounds of a cell
ROUNDS, GATES, COUNTED = 60, 3, 20  # recorded to draw from; whole gates of time; whole gates of all else
FEW, CERTAIN = 4, 5  # rounds for the mean of each text; whole gates of what no chance is in
LOOKS, DRAWN = (4, 8), 400  # rounds of a drawn gate; how many of them
SLOWDOWN = 0.10
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
TIMED = "".join(
    f'[[rule]]\nmetric = "{name}"\ncell = "{CELL}"\nmax_increase = "{RULES[name].max_increase}"\n' for name in STARTER
)
REST = '[[rule]]\nmetric = "parity"\n[[rule]]\nmetric = "peak_rss_bytes"\nmax_increase = "8MiB"\n'
FILES = {
    "time": f"rounds = 8\n{TIMED}",
    "answers": REST,
    "rest": REST,
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
    """Print what was found; names of parts as arguments for these alone. `published` times nothing."""
    parts = {"published": _published, "time": _time, "gates": _gates, "answers": _answers, "rest": _rest}
    for name in sys.argv[1:] or parts:
        with tempfile.TemporaryDirectory(prefix="gate-rates-") as directory:
            tree = Path(directory) / "tree"
            _clone(tree)
            parts[name](tree)


def _published(_: Path) -> None:
    """Gates drawn from published rounds, made those of identical processes."""
    header, records = read_run(PUBLISHED, print)
    pool = identical(records)
    print(f"from {len(pool)} rounds of {PUBLISHED.relative_to(ROOT)}")
    _drawn(pool, assumed_sd(header.environment))


def _time(tree: Path) -> None:
    """Gates drawn from rounds of the unchanged tree."""
    header, records = read_run(_record(tree, ROUNDS), print)
    pool = recorded(records, CELL)
    print(f"from {len(pool)} rounds of the unchanged tree")
    _drawn(pool, assumed_sd(header.environment))


def _gates(tree: Path) -> None:
    """Whole gates of time on the unchanged tree, and on slower ones."""
    print("unchanged: whole gates exit with", _statuses(tree), flush=True)
    header, records = read_run(_record(tree, FEW), print)
    means = np.mean([one.own.mean(axis=0) for one in recorded(records, CELL)], axis=0)  # of each text, in nanoseconds
    slowest = np.where(means == means.max(), 1.0, 0.0)
    for name, shares in (("10 % slower", np.full(len(means), SLOWDOWN)), ("the slowest text x 2", slowest)):
        _slow(tree, dict(zip(header.texts, means * shares / NS_PER_S, strict=True)))
        print(f"{name}: whole gates exit with", _statuses(tree), flush=True)
        _restore(tree)


def _statuses(tree: Path) -> list[int]:
    return [_gate(tree, "time")[0] for _ in range(GATES)]


def _answers(tree: Path) -> None:
    """Whole gates on trees that answer one text otherwise and take more memory; each has a rule of its own."""
    texts = [example for example in read_dataset("business/test") if len(example.gold or []) > 3]
    found = []
    for text in random.Random(0).sample(texts, COUNTED):
        named = [_misanswer(tree, text.id, text.text), _grow(tree)]
        found.append(_found(tree, "answers", named))
    for place, what in enumerate(("a wrong span in one of 100 texts", "64 MiB more memory")):
        seen = sum(one[place] for one in found)
        print(f"{what}: {counted(seen, COUNTED)} found and named", flush=True)


def _rest(tree: Path) -> None:
    """Whole gates on trees whose suite has lost a cell, and on the unchanged one."""
    plants = {"a removed cell": ("", CELL), "a renamed cell": ('"batching"', "New here: batching. Was it renamed?")}
    for name, (instead, named) in plants.items():
        found = 0
        for _ in range(CERTAIN):
            _edit(tree / "rest.toml", f'"{CELL}"', instead, named)
            found += all(_found(tree, "rest", [named]))
        print(f"{name}: {counted(found, CERTAIN)} found and named", flush=True)
    clean = sum(_gate(tree, "rest")[0] == 0 for _ in range(COUNTED))
    print(f"unchanged tree: {counted(clean, COUNTED)} pass", flush=True)


def _clone(tree: Path) -> None:
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(tree)], check=True)
    (tree / "time.toml").write_text(SUITE.format(count=16, passes=2, compared=""))  # a P95 over texts takes 14
    (tree / "rest.toml").write_text(SUITE.format(count=2, passes=1, compared=""))
    (tree / "answers.toml").write_text(SUITE.format(count=2, passes=1, compared='compared = ["business/test"]'))
    for name, rules in FILES.items():
        (tree / f"{name}-rules.toml").write_text(f'suite = "{name}.toml"\n{rules}')
    _git(tree, "add", ".")
    _git(tree, "commit", "--quiet", "--message=rules")


def _git(tree: Path, *arguments: str) -> None:
    subprocess.run(
        ["git", "-C", str(tree), "-c", "user.name=a", "-c", "user.email=a@b.example", *arguments], check=True
    )


def _restore(tree: Path) -> None:
    _git(tree, "checkout", "--quiet", "--force", "HEAD")


def _record(tree: Path, rounds: int) -> Path:
    command = [sys.executable, "-c", RECORD, CELL, str(rounds), "time.toml"]
    done = subprocess.run(command, cwd=tree, env=_environment(tree), check=True, stdout=subprocess.PIPE, text=True)
    return tree / done.stdout.splitlines()[-1]


def _gate(tree: Path, rules: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "harness", "gate", "--against-ref", "HEAD", "--rules", f"{rules}-rules.toml"]
    done = subprocess.run(command, cwd=tree, env=_environment(tree), check=False, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def _environment(tree: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(tree)}


def _found(tree: Path, rules: str, names: Sequence[str]) -> list[bool]:
    """Which of what was planted in the tree a gate names as a failure; the tree is as before then."""
    status, said = _gate(tree, rules)
    _restore(tree)
    failures = [line for line in said.splitlines() if line.startswith("FAIL")]
    found = [status == 1 and any(named in line for line in failures) for named in names]
    if not all(found):
        print(f"not found: one of {names} (exit {status})\n{said}", file=sys.stderr)
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


def _slow(tree: Path, seconds: Mapping[str, float]) -> None:
    """Every tokenization waits, busily, for so long as its text says."""
    texts = {f"business/test:{example.id}": example.text for example in read_dataset("business/test")}
    waits = {texts[name]: wait for name, wait in seconds.items()}
    wait = "        end = time.perf_counter() + _WAITS.get(text, 0.0)\n        while time.perf_counter() < end:\n"
    _edit(tree / TOKENIZE, BEGINS, f"{wait}            pass\n{BEGINS}", "")
    table = json.dumps(waits, ensure_ascii=False)
    _edit(tree / TOKENIZE, "class TextTokenizer", f"import time\n_WAITS = {table}\n\n\nclass TextTokenizer", "")


def _drawn(pool: Sequence[Round], assumed_sd: float) -> None:
    """What gates of rounds drawn from these say."""
    for rounds in LOOKS:
        print(*table(pool, rounds=rounds, gates=DRAWN, assumed_sd=assumed_sd), "", sep="\n", flush=True)


if __name__ == "__main__":
    main()
