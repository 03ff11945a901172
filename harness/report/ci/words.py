"""A gate's findings in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal, TypeAlias

from harness.analyse.gate import Finding
from harness.report.foreign import code, inline
from harness.report.one_line import one_line
from harness.report.pipes import plain

Outcome: TypeAlias = Literal["pass", "fail", "inconclusive"]
_MARKS = {"pass": "ok", "fail": "FAIL", "inconclusive": "??", "skipped": "skip"}
_ORDER = ("fail", "inconclusive", "skipped", "pass")


def outcome(findings: Sequence[Finding]) -> Outcome:
    """What all findings come to; those that only warn decide nothing."""
    verdicts = {one.verdict for one in findings if not one.warns}
    return "fail" if "fail" in verdicts else "inconclusive" if "inconclusive" in verdicts else "pass"


def console(findings: Sequence[Finding], against: str) -> Iterator[str]:
    """A line a finding, the worst first, and what they come to."""
    findings = [replace(one, cell=one_line(one.cell), rule=one_line(one.rule)) for one in findings]
    rules, cells = (max((len(getattr(one, part)) for one in findings), default=0) for part in ("rule", "cell"))
    for one in ordered(findings):
        yield f"{mark(one):<4}  {one.rule:<{rules}}  {one.cell:<{cells}}  {one_line(one.says)}"
    yield f"\nGate against {one_line(against)}: {sentence(findings)}"


def markdown(findings: Sequence[Finding], against: str) -> str:
    """The same as a table, for a job's summary; what passed is folded away."""
    passed = [one for one in ordered(findings) if one.verdict == "pass"]
    others = [one for one in ordered(findings) if one.verdict != "pass"]
    lines = [f"## Gate against {inline(against)}: {outcome(findings)}", "", sentence(findings), ""]
    lines += [*_table(others), ""] if others else []
    if passed:
        lines += [f"<details><summary>{len(passed)} passed</summary>", "", *_table(passed), "", "</details>", ""]
    return "\n".join(lines)


def sentence(findings: Sequence[Finding]) -> str:
    """How many of each verdict there are."""
    counted: Counter[str] = Counter(one.verdict for one in findings)
    warned = sum(one.warns and one.verdict in ("fail", "inconclusive") for one in findings)
    said = ", ".join(f"{counted[verdict]} {verdict}" for verdict in _ORDER if counted[verdict])
    return f"{outcome(findings)} ({said or 'nothing was judged'}{f'; {warned} only warn' if warned else ''})"


def ordered(findings: Sequence[Finding]) -> list[Finding]:
    """The worst first."""
    return sorted(findings, key=lambda one: (one.warns, _ORDER.index(one.verdict)))


def mark(one: Finding) -> str:
    """A short word for a verdict."""
    return "warn" if one.warns and one.verdict in ("fail", "inconclusive") else _MARKS[one.verdict]


def _table(findings: Sequence[Finding]) -> Iterator[str]:
    yield from plain(
        [
            ["verdict", "rule", "cell", "measured"],
            *([mark(one), inline(one.rule), code(one.cell), inline(one.says)] for one in findings),
        ]
    )
