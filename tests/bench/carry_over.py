"""Whether processes that take turns at single requests show the ratio that whole passes of one alone show.

In each fresh pair, the same two processes are timed in both ways, one after the other: in turns, each request after an
untimed one of its own process, as `uiebench run` does; and pass by pass. If a request were slower for the other
process's before it, the two ways would differ: `make carry-over`, on a CPU.
"""

from __future__ import annotations

import math
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import fmean, stdev

from scipy.stats import t

from harness.analyse.stats import log_ratio
from harness.data.dataset import read_dataset
from harness.embedded.checkpoints import find_checkpoint
from harness.measure.pinning import together
from harness.run import protocol as say
from harness.run.executors.local import LocalExecutor, Settings
from harness.run.pair import Pair

CELL = "dynamic_truncation"  # computes as much as stock, so that what one leaves in the caches weighs as much as it can
PAIRS, TEXTS, PASSES = 12, 12, 4


class BothWays(LocalExecutor):
    """Times a fresh pair in both ways."""

    def log_ratios(self, combination: str, number: int) -> tuple[float, float]:
        """The log ratios to stock, in turns and pass by pass; every second pair begins with the passes."""
        with ExitStack() as stack:
            pair = Pair.start(self._starter(combination, number, stack), own_first=number % 2 == 0)
            last = TEXTS - 1
            turns = [say.Time(places=[place], primed=[place - 1 if place else last]) for place in range(TEXTS)]
            found = {}
            with together((pair.own.pid, pair.partner.pid), self._settings.threads):
                for parts in (turns, [say.Time(primed=[last])])[:: 1 if number % 4 < 2 else -1]:
                    own, partner = pair.time(parts, PASSES, [])
                    found[len(parts)] = log_ratio(*([one.request_ns for one in side] for side in (own, partner)))
        return found[TEXTS], found[1]


def main() -> None:
    """Measure, and print each way's ratio over the pairs, and what they differ by."""
    examples = sorted(read_dataset("business/test"), key=lambda one: len(one.text))[::8][:TEXTS]
    checkpoint = str(find_checkpoint("mini").resolve())
    print(
        f"| time / stock, {PAIRS} pairs | in turns | whole passes | turns over passes |", "|---|---|---|---|", sep="\n"
    )
    with tempfile.TemporaryDirectory(prefix="carry-over-") as logs:
        both = BothWays(Settings(checkpoint, "cpu", 1, (), tuple(examples), TEXTS, PASSES, 0, 600.0, Path(logs)))
        found = []
        for number in range(PAIRS):
            found.append(both.log_ratios(CELL, number))
            print(number, *(f"{math.exp(one):.4f}" for one in found[-1]), file=sys.stderr, flush=True)
    turns, passes = zip(*found, strict=True)
    columns = turns, passes, [one - other for one, other in found]
    print(f"| {CELL} | {' | '.join(map(_shown, columns))} |", flush=True)


def _shown(logs: Sequence[float]) -> str:
    """The ratio over the pairs, with its 95 % interval (Student)."""
    reach = float(t.ppf(0.975, len(logs) - 1)) * stdev(logs) / math.sqrt(len(logs))
    value, low, high = (math.exp(fmean(logs) + end) for end in (0.0, -reach, reach))
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"


if __name__ == "__main__":
    main()
