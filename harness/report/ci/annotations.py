"""Findings as GitHub's workflow commands, which stand beside a pull request's checks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.analyse.gate import Finding
from harness.report.one_line import one_line

_MOST = 10  # of a kind that GitHub shows of one step


def render(findings: Sequence[Finding]) -> Iterator[str]:
    """A line for each that did not pass."""
    of_kind: dict[str, int] = {}
    for one in findings:
        kind = _kind(one)
        if kind is None:
            continue
        of_kind[kind] = of_kind.get(kind, 0) + 1
        if of_kind[kind] <= _MOST:
            yield f"::{kind} title={_property(f'{one.rule}: {one.cell}')}::{_escaped(one.says)}"


def _kind(one: Finding) -> str | None:
    if one.verdict == "pass":
        return None
    if one.verdict == "skipped":
        return "notice"
    return "warning" if one.warns or one.verdict == "inconclusive" else "error"


def _escaped(text: str) -> str:
    return one_line(text).replace("%", "%25")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")
