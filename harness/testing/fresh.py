"""Evidence with an optimization and without, a line each (`python -m harness.testing.fresh FILE NAME PARAMETERS`)."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from harness.plan.registry import find_optimizations
from harness.plugin import Optimization, Probe, Stage
from harness.testing.subject import composed, two_texts

STATES = ("applied", "not applied")


def evidence(optimization: Optimization[Any], parameters: dict[str, Any] | None) -> str:
    """What an optimization's evidence says of a baseline with it and its parameters, or, without any, not applied."""
    examples, lean = two_texts(), optimization.stage is not Stage.LOAD
    extractor = composed(*(() if parameters is None else ((optimization, parameters),)), lean=lean)
    probe = Probe(extractor, [one.text for one in examples], [one.schema for one in examples])
    said = optimization.shown(probe)
    return f"{said.active} {said.summary}"


def _find(file: Path, name: str) -> Optimization[Any]:
    registry = find_optimizations()
    return registry[name] if name in set(registry) else find_optimizations([file])[name]


if __name__ == "__main__":
    found = _find(Path(sys.argv[1]), sys.argv[2])
    for state, parameters in zip(STATES, (json.loads(sys.argv[3]), None), strict=True):
        if (child := os.fork()) == 0:  # each in a process in which nothing was composed before
            print(f"{state}: {evidence(found, parameters)}", flush=True)  # noqa: T201 (read by the parent)
            os._exit(0)
        if os.waitpid(child, 0)[1]:
            sys.exit(f"{sys.argv[2]}, {state}, gave no evidence")
