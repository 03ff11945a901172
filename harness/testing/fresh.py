"""Evidence from a fresh process (`python -m harness.testing.fresh FILE NAME True|False`): prints active and summary."""

from __future__ import annotations

import sys
from pathlib import Path

from harness.plan.registry import find_optimizations
from harness.plugin import Probe
from harness.testing.subject import composed, texts


def evidence(file: Path, name: str, *, applied: bool) -> str:
    """What an optimization's evidence says of a baseline with it, or without."""
    registry = find_optimizations()
    found = registry[name] if name in set(registry) else find_optimizations([file])[name]
    examples = texts(4)
    extractor = composed((found, {})) if applied else composed()
    probe = Probe(extractor, [one.text for one in examples], [one.schema for one in examples])
    said = found.evidence(probe)
    return f"{said.active} {said.summary}"


if __name__ == "__main__":
    print(evidence(Path(sys.argv[1]), sys.argv[2], applied=sys.argv[3] == "True"))  # noqa: T201 (read by the parent)
