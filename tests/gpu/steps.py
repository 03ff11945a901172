"""The steps of a GPU run, in the order of what they are worth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
LEAST_S = 60.0  # a measurement takes this much to come up and make a round


@dataclass(frozen=True)
class Step:
    """One program and how long it may take.

    Of its arguments `{here}` stands for its own folder, `{runs}` for that of all runs, `{budget}` for its time.
    """

    name: str
    arguments: tuple[str, ...]  # of the Python interpreter
    limit_s: float  # of one that goes on: in one slice
    suite: str | None = None  # of one that goes on: what its run is called, which the next slice takes up

    @property
    def least_s(self) -> float:
        """With less time left it is not begun."""
        return self.limit_s if self.suite is None else LEAST_S


def steps(device: str) -> list[Step]:
    """All of them; what takes longest and tells least of whether anything works comes last."""
    on = ("--device", device)
    measured = ("--checkpoint", "base", *on, "--runs", "{runs}")
    # What these two show does not depend on the model. On a CPU a padded request to `base` takes some ten seconds.
    shown_by = ("--checkpoint", "base" if device.startswith("cuda") else "mini", "--out", "{here}")

    def run(suite: str, budget: str) -> tuple[str, ...]:
        return "-m", "harness", "run", suite, *measured, "--budget", budget

    def going_on(suite: str) -> Step:
        name = Path(suite).stem
        return Step(name, run(suite, "{budget}"), limit_s=600, suite=name)

    return [
        Step("facts", ("-m", "gpu.facts", *on, "--out", "{here}"), 60),
        Step("tests", ("-m", "pytest", "tests/contract/test_cuda.py", "-rs", "--durations=10"), 300),
        Step("doctor", ("-m", "harness", "doctor", *on), 300),
        Step("probe", ("-m", "gpu.probe", *on, *shown_by), 180),
        Step("out_of_memory", ("-m", "gpu.out_of_memory", *on, *shown_by), 180),
        going_on(str(HERE / "stock.toml")),
        Step("base", run("base", "170s"), 260),
        *map(going_on, ("gpu", "quick", "claims", "fast")),
        Step("selfcheck", ("-m", "harness", "selfcheck", *measured), limit_s=600, suite="selfcheck"),
    ]
