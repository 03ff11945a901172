"""Findings as GitHub's workflow commands, which GitHub shows with a pull request's checks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.analyse.gate import Finding
from harness.analyse.verdict import outcome, unexcused
from harness.report.ci.words import sentence
from harness.report.one_line import one_line

_MOST = 10  # GitHub shows at most this many of a kind for one step
_OF_OUTCOME = {"pass": "notice", "inconclusive": "warning", "fail": "error"}


def render(findings: Sequence[Finding]) -> Iterator[str]:
    """The verdict, then one line for each finding that did not pass."""
    kind_of_all = _OF_OUTCOME[outcome(findings)]
    yield f"::{kind_of_all} title=uiebench gate::{_escaped(sentence(findings))}"
    of_kind = {kind_of_all: 1}
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
        return "warning" if unexcused(one) else "notice"
    return "warning" if one.warns or one.verdict == "inconclusive" else "error"


def _escaped(text: str) -> str:
    return one_line(text).replace("%", "%25")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")
