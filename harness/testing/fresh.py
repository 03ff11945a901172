"""Evidence from a fresh process (`python -m harness.testing.fresh FILE NAME PARAMETERS`): prints active and summary."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from harness.plan.registry import find_optimizations
from harness.plugin import Probe
from harness.testing.subject import composed, texts


def evidence(file: Path, name: str, parameters: dict[str, Any] | None) -> str:
    """What an optimization's evidence says of a baseline with it and its parameters, or, without any, not applied."""
    registry = find_optimizations()
    found = registry[name] if name in set(registry) else find_optimizations([file])[name]
    examples = texts(2)
    extractor = composed() if parameters is None else composed((found, parameters))
    probe = Probe(extractor, [one.text for one in examples], [one.schema for one in examples])
    said = found.shown(probe)
    return f"{said.active} {said.summary}"


if __name__ == "__main__":
    print(evidence(Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])))  # noqa: T201 (read by the parent)
