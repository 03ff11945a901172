"""All figures of a run as one JSON object."""

from __future__ import annotations

from typing import Any

from msgspec import json

from harness.neutral import for_json
from harness.report.flat import flat
from harness.report.formats import Run

DESCRIPTION = "all figures, with the run's header"


def of_run(run: Run) -> str:
    """An object with the run's header and its combinations."""
    found: dict[str, Any] = {"run": run.header, "combinations": [flat(row) for row in run.rows]}
    return for_json(json.format(json.encode(found), indent=2).decode()) + "\n"
