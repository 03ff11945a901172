"""Whether a process without room on the device is a record, and the run goes on (`python -m gpu.out_of_memory`)."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from gpu.steps import HERE, ROOT
from harness.record import BASELINE, STOCK, Failed, Measured, Record, Skipped
from harness.run.store import RECORDS, read_run

STARVED = "starved"


def outcomes(records: Iterable[Record]) -> dict[str, str]:
    """What became of each combination."""
    found: dict[str, str] = {}
    for one in records:
        if isinstance(one, Failed):
            found[one.cell.combination] = one.kind
        elif isinstance(one, Skipped):
            found[one.cell.combination] = f"skipped: {one.reason}"
        else:
            found[one.cell.combination] = "measured" if isinstance(one, Measured) else "?"
    return found


def is_right(found: dict[str, str], device: str) -> bool:
    """Whether the starved one ran out of memory, and it alone; on a CPU it is skipped."""
    others = all(found.get(name) == "measured" for name in (BASELINE, STOCK))
    became = found.get(STARVED, "")
    return others and (became == "out_of_memory" if device.startswith("cuda") else became.startswith("skipped"))


def main() -> int:
    """Make the run, and print what became of each combination."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", required=True)
    parser.add_argument("--checkpoint", default="mini")
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    runs = asked.out / "runs"
    suite, plugin = HERE / "out_of_memory.toml", HERE / "starved.py"
    command = ["run", suite, "--plugin", plugin, "--runs", runs, "--checkpoint", asked.checkpoint, "--fresh"]
    subprocess.run(
        [sys.executable, "-m", "harness", *map(str, command), "--device", asked.device], cwd=ROOT, check=False
    )
    newest = max(runs.glob(f"*/{RECORDS}"), key=lambda path: path.stat().st_mtime, default=None)
    if newest is None:
        print("no run was made")
        return 1
    found = outcomes(read_run(newest.parent, print)[1])
    for name, became in found.items():
        print(f"{name}: {became}")
    return 0 if is_right(found, asked.device) else 1


if __name__ == "__main__":
    sys.exit(main())
