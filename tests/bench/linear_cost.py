"""Whether `uiebench extract --input FILE` costs as much a text in a long file as in a short one (`make linear-cost`).

The texts are the shortest of the business texts, so that 100,000 end within half an hour or so, again and again in the
same order. Each has another number behind it, so that no two are the same and nothing can be answered from memory: six
Chinese digits, which are six tokens whatever they are. One process a size; they take turns (`turns.py`).
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from growth import Blocks, findings, table, verdict
from turns import Plan, take_turns

from harness.cli import FAILED, INCONCLUSIVE, OK, USAGE
from harness.data.dataset import Example, read_dataset
from harness.embedded.checkpoints import find_checkpoint
from harness.errors import InputError, UiebenchError
from harness.run import python
from harness.units import parse_duration

DATASET = "business/test"
TEXTS = 24
STATUS = {"pass": OK, "fail": FAILED, "inconclusive": INCONCLUSIVE}
_DIGITS, _PLACES = "零一二三四五六七八九", 6
_STRIDE = 618_033  # has no factor of ten: all numbers below a million come, and a short file has them from everywhere


def main() -> int:
    """Measure, and print what was found: 0 where the cost is linear, 1 where not, 3 where that stays open."""
    parser = argparse.ArgumentParser(prog="make linear-cost", description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", default="1000,10000,100000", help="texts of each process")
    parser.add_argument("--checkpoint", default="mini", help="mini, base, or a directory")
    parser.add_argument("--texts", type=int, default=TEXTS, help="different texts, before they are numbered")
    parser.add_argument("--budget", default="1h", help="wall time, like 40m; what is not done then stays open")
    asked = parser.parse_args()
    until = time.monotonic() + parse_duration(asked.budget)
    plan = Plan.of(read_sizes(asked.sizes), asked.texts)
    checkpoint = find_checkpoint(asked.checkpoint).resolve()
    with tempfile.TemporaryDirectory(prefix="linear-cost-") as directory:
        blocks = measure(plan, partial(extraction, checkpoint), Path(directory), until, partial(print, file=sys.stderr))
    found = findings(blocks, plan.rounds)
    print(
        *(table(blocks) if len(found) > 1 else ()), "", "| | found | wanted | |", "| --- | --- | --- | --- |", sep="\n"
    )
    print(*(f"| {one.what} | {one.found} | {one.wanted} | {one.verdict} |" for one in found), sep="\n")
    return STATUS[verdict(found)]


def read_sizes(written: str) -> list[int]:
    """Numbers of texts.

    Raises:
        InputError: one is no number, or more than there are different texts.
    """
    parts = [part.strip() for part in written.split(",")]
    for part in parts:
        if not (part.isascii() and part.isdigit() and 0 < int(part) <= 10**_PLACES):
            raise InputError(
                f"{part!r} is no number of texts; write whole numbers up to {10**_PLACES}, like 1000,10000"
            )
    return [int(part) for part in parts]


def measure(
    plan: Plan,
    command_of: Callable[[Path], Sequence[str]],
    folder: Path,
    until: float,
    tell: Callable[[str], None],
) -> Blocks:
    """Write the files, and let one process each answer them in turns.

    Args:
        plan: of the rounds.
        command_of: what answers a file.
        folder: for the files.
        until: by `time.monotonic`.
        tell: told what each round showed.
    """
    different, commands = shortest(plan.cycle), {}
    for size in plan.sizes:
        file = folder / f"{size}.jsonl"
        with file.open("w", encoding="utf-8") as out:
            out.writelines(line(different, number) for number in range(size))
        commands[size] = command_of(file)
    return take_turns(commands, plan, folder, until, tell)


def shortest(count: int) -> list[Example]:
    """So many of the business texts, those with the fewest characters.

    Raises:
        InputError: there are fewer.
    """
    found = sorted(read_dataset(DATASET), key=lambda one: len(one.text))
    if count > len(found):
        raise InputError(f"{DATASET} has {len(found)} texts, and {count} are asked for")
    return found[:count]


def line(different: Sequence[Example], number: int) -> str:
    """A line of a file: the texts in their order, again and again."""
    one = different[number % len(different)]
    found = {"id": str(number), "text": f"{one.text}（{digits(number)}）", "schema": one.schema}
    return json.dumps(found, ensure_ascii=False) + "\n"


def digits(number: int) -> str:
    """Six Chinese digits, others for each number below a million."""
    return "".join(_DIGITS[int(one)] for one in f"{number * _STRIDE % 10**_PLACES:0{_PLACES}}")


def extraction(checkpoint: Path, file: Path) -> list[str]:
    """What a user runs."""
    return python.command("harness", ["extract", "--input", str(file), "--checkpoint", str(checkpoint)])


if __name__ == "__main__":
    try:
        sys.exit(main())
    except UiebenchError as error:
        print(error, file=sys.stderr)
        sys.exit(USAGE)
