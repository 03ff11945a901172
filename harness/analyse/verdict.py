"""The outcome of all findings of a gate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, TypeAlias

from harness.analyse.gate import Finding

Outcome: TypeAlias = Literal["pass", "fail", "inconclusive"]


def outcome(findings: Sequence[Finding]) -> Outcome:
    """``pass`` only if something was judged and everything else is excused. Findings that only warn decide nothing."""
    deciding = [one for one in findings if not one.warns]
    verdicts = {one.verdict for one in deciding}
    if "fail" in verdicts:
        return "fail"
    is_open = "inconclusive" in verdicts or any(unexcused(one) for one in deciding)
    return "inconclusive" if is_open or not judged_anything(findings) else "pass"


def judged_anything(findings: Sequence[Finding]) -> bool:
    """Whether any rule was judged by a measured figure or an answer."""
    return any(one.verdict in ("pass", "fail") or one.timed for one in findings)


def unexcused(one: Finding) -> bool:
    """Whether a finding was skipped and keeps the gate from passing."""
    return one.verdict == "skipped" and not (one.excused or one.warns)


def excuse(findings: Sequence[Finding]) -> list[Finding]:
    """The findings, with the skipped ones excused: they no longer keep a gate from passing."""
    return [replace(one, excused=one.verdict == "skipped") for one in findings]
