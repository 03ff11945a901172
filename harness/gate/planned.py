"""The combinations of a suite by the code that this runs in, as JSON (`python -m harness.gate.planned JOB`)."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from harness.errors import UiebenchError
from harness.plan.cells import plan_cells
from harness.plan.combination import parse
from harness.plan.registry import find_optimizations
from harness.plan.suite import find_suite, read_suite
from harness.record import is_peer


def planned(suite: str, plugins: list[str], device: str) -> dict[str, Any]:
    """The combinations in the plan's order, each with why it cannot run here; and the files of the code that runs."""
    optimizations = find_optimizations(Path(path) for path in plugins)
    plan = plan_cells(read_suite(find_suite(suite)), optimizations, device)
    ours = [one.combination for one in plan if not is_peer(one.combination)]
    files = {__file__, *(one.source for name in ours for one, _ in parse(name, optimizations))}
    return {"combinations": {one.combination: one.reason for one in plan}, "files": sorted(files)}


def _reply(job: dict[str, Any]) -> dict[str, Any]:
    try:
        return planned(**job)
    except UiebenchError as error:
        return {"error": str(error)}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_reply(json.loads(sys.argv[1]))) + "\n")
