"""A gate's findings as Markdown, for a job's summary."""

from __future__ import annotations

from harness.report.ci import words
from harness.report.formats import Gate

DESCRIPTION = "findings as a table in Markdown; what passed is folded away"


def of_gate(gate: Gate) -> str:
    """The verdict, and a row a finding."""
    return words.markdown(gate.findings, gate.against)
