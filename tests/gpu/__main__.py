"""`make gpu`: one slice of the GPU run."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from gpu.kept import Kept
from gpu.slices import make
from gpu.steps import ROOT, Step, steps
from harness.embedded.checkpoints import embedded
from harness.units import parse_duration

CHECKPOINTS = ("mini", "base")


def main() -> int:
    """Make what fits; the exit status is 1 where a step that was begun failed."""
    parser = argparse.ArgumentParser(prog="make gpu", description=__doc__)
    parser.add_argument("--slice", default="9m", help="the time in all, like 9m")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--folder", type=Path, default=ROOT / "runs" / "gpu", help="beside it lies the packed file")
    parser.add_argument("--only", nargs="+", metavar="STEP", help="these alone")
    parser.add_argument("--again", nargs="+", default=[], metavar="STEP", help="do these anew")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
    asked = parser.parse_args()
    seconds, chosen = parse_duration(asked.slice), steps(asked.device)
    if strange := {*(asked.only or []), *asked.again} - {step.name for step in chosen}:
        parser.error(f"no step is called {', '.join(sorted(strange))}; they are {', '.join(s.name for s in chosen)}")
    chosen = [step for step in chosen if asked.only is None or step.name in asked.only]
    if asked.dry_run:
        for step in chosen:
            print(_described(step))
        return 0
    kept = Kept(asked.folder)
    for name in asked.again:
        kept.forget(name)
    for name in CHECKPOINTS:
        settle(embedded(name))
    return 0 if make(chosen, kept, seconds, lambda line: print(line, flush=True)) else 1


def settle(made: Path) -> None:
    """Give a checkpoint's files one time of change everywhere, so that a run goes on that another machine began.

    What a run goes on from includes these times, since they stand for the bytes of a file; these files are made anew
    on each machine from the same source.
    """
    for path in made.rglob("*"):
        if path.is_file():
            os.utime(path, (0, 0))


def _described(step: Step) -> str:
    goes_on = "" if step.suite is None else " a slice, and goes on in the next"
    return f"{step.name}: python {' '.join(step.arguments)} (at most {step.limit_s:.0f} s{goes_on})"


if __name__ == "__main__":
    sys.exit(main())
