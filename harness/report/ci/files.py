"""A run's figures in the format of another tool, by name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from harness.analyse.compare import compare
from harness.neutral import for_json
from harness.record import Header, Record
from harness.report.ci import pytest_benchmark, services

FORMATS = ("action-benchmark", "bencher", "pytest-benchmark")


def render(name: str, header: Header, records: Sequence[Record]) -> str:
    """The file's text."""
    if name == "pytest-benchmark":
        return for_json(pytest_benchmark.render(header, records, datetime.now(UTC)))
    rows, _ = compare(header, records)
    return for_json(services.action_benchmark(rows) if name == "action-benchmark" else services.bencher(rows))
