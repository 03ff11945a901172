"""A gate's findings in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from harness.analyse.gate import Finding
from harness.analyse.verdict import judged_anything, outcome, unexcused
from harness.report.foreign import code, inline
from harness.report.one_line import one_line
from harness.report.pipes import plain

_MARKS = {"pass": "ok", "fail": "FAIL", "inconclusive": "??", "skipped": "skip"}
NOTHING_JUDGED = "nothing was judged"
_ORDER = ("fail", "inconclusive", "skipped", "pass")


def console(findings: Sequence[Finding], against: str) -> Iterator[str]:
    """One line for each finding, the worst first, and the verdict."""
    findings = [replace(one, cell=one_line(one.cell), rule=one_line(one.rule)) for one in findings]
    rules, cells = (max((len(getattr(one, part)) for one in findings), default=0) for part in ("rule", "cell"))
    for one in ordered(findings):
        yield f"{mark(one):<4}  {one.rule:<{rules}}  {one.cell:<{cells}}  {one_line(one.says)}"
    yield f"\nGate against {one_line(against)}: {sentence(findings)}"


def markdown(findings: Sequence[Finding], against: str) -> str:
    """The same as a table, for a job's summary. Rules that passed are folded away."""
    passed = [one for one in ordered(findings) if one.verdict == "pass"]
    others = [one for one in ordered(findings) if one.verdict != "pass"]
    lines = [f"## Gate against {inline(against)}: {outcome(findings)}", "", sentence(findings), ""]
    lines += [*_table(others), ""] if others else []
    if passed:
        lines += [f"<details><summary>{len(passed)} passed</summary>", "", *_table(passed), "", "</details>", ""]
    return "\n".join(lines)


def sentence(findings: Sequence[Finding]) -> str:
    """The verdict, the number of findings of each kind, and what else keeps the gate from passing."""
    counted: Counter[str] = Counter(one.verdict for one in findings)
    warned = sum(one.warns and one.verdict in ("fail", "inconclusive") for one in findings)
    said = ", ".join(f"{counted[verdict]} {verdict}" for verdict in _ORDER if counted[verdict])
    notes = [said] if said else []
    notes += [f"{warned} of them only warn{'s' if warned == 1 else ''}"] if warned else []
    notes += [NOTHING_JUDGED] if not judged_anything(findings) else []
    notes += ["skipped rules need --allow-skipped to pass"] if any(map(unexcused, findings)) else []
    return f"{outcome(findings)} ({'; '.join(notes)})"


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
