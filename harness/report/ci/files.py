"""A run's figures in the format of another tool, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from harness.analyse.rows import Row
from harness.neutral import for_json
from harness.record import Header, Record
from harness.report.ci import pytest_benchmark, services
from harness.report.one_line import one_line
from harness.report.table import why_struck

_OF_ROWS: Mapping[str, Callable[[Sequence[Row]], str]] = {
    "action-benchmark": services.action_benchmark,
    "action-benchmark-bigger": services.action_benchmark_bigger,
    "bencher": services.bencher,
}
FORMATS = (*_OF_ROWS, "pytest-benchmark")


def render(name: str, header: Header, records: Sequence[Record], rows: Sequence[Row]) -> str:
    """The text of the file. It leaves out combinations whose speed does not count, because services show no verdict.

    Args:
        name: of FORMATS.
        header: the run's.
        records: the run's.
        rows: the run's.
    """
    rows = [row for row in rows if row.sound]
    if name in _OF_ROWS:
        return for_json(_OF_ROWS[name](rows))
    sound = {row.combination for row in rows}
    kept = [record for record in records if record.cell.combination in sound]
    return for_json(pytest_benchmark.render(header, kept, datetime.now(UTC)))


def not_counted(rows: Sequence[Row]) -> Iterator[str]:
    """The combinations whose speed does not count, each with the reason."""
    for row in rows:
        if not row.sound:
            yield f"{row.combination}: {one_line(row.problem or why_struck(row))}"
