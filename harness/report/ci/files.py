"""A run's figures in the format of another tool, by name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from harness.analyse.compare import compare
from harness.record import Header, Record
from harness.report.ci import pytest_benchmark, services

FORMATS = ("action-benchmark", "bencher", "pytest-benchmark")


def render(name: str, header: Header, records: Sequence[Record]) -> str:
    """The file's text."""
    if name == "pytest-benchmark":
        return pytest_benchmark.render(header, records, datetime.now(UTC))
    rows, _ = compare(header, records)
    return services.action_benchmark(rows) if name == "action-benchmark" else services.bencher(rows)
