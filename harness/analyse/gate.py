"""Rules held against a run and what it is compared with: pass, fail, inconclusive, or skipped with a reason."""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Literal, TypeAlias

from harness.analyse.baselines import F1_DIGITS
from harness.analyse.compare import NOT_RUN
from harness.analyse.entries import Entry
from harness.analyse.quantities import Figure, around
from harness.analyse.rows import Kept
from harness.analyse.rules import TIMED, Rule
from harness.analyse.shifts import NEEDS, Shift, Shifts
from harness.analyse.targets import kept
from harness.errors import InputError, unknown
from harness.units import NS_PER_S, format_bytes, format_ms

Verdict: TypeAlias = Literal["pass", "fail", "inconclusive", "skipped"]
Entries: TypeAlias = Mapping[str, Entry]
_NAMED = 5  # texts in a sentence
_BROKEN_THERE = "failed (other)"  # the problem of a combination whose other revision broke, which says nothing of it
_VERDICTS: Mapping[Kept, Verdict] = {
    "met": "pass",
    "missed": "fail",
    "unsure": "inconclusive",
    "not measured": "skipped",
}


@dataclass(frozen=True)
class Finding:
    """What a rule says of one combination."""

    rule: str
    cell: str
    verdict: Verdict
    says: str
    warns: bool = False  # a failure only warns
    timed: bool = False  # more rounds may decide it
    excused: bool = False  # skipped, and no reason to doubt the gate


@dataclass(frozen=True)
class Against:
    """What a run is compared with."""

    entries: Entries
    name: str
    paired: bool  # its processes were the partners of the run's own
    changed: Sequence[str] = ()  # texts whose answers by the baseline extractor are others than they were
    no_ratios: str | None = None  # why times must not be compared, even as ratios to stock
    no_times: str | None = None  # why no limit of an absolute time is judged


def judge(rules: Sequence[Rule], new: Entries, against: Against, shifts: Shifts) -> list[Finding]:
    """Every rule on every combination that it is about, after what became of the combinations themselves.

    What only this run has, or has mended, has nothing to be compared with: rules that are skipped for that are excused.

    Raises:
        InputError: a rule is about no combination of either side.
    """
    findings = [*_cells(new, against)]
    chances: list[tuple[int, float]] = []  # places in the findings, and how likely a shift so far is by chance
    for rule in rules:
        for name in matching(rule, [*new, *against.entries]):
            if name not in new or new[name].problem:
                continue  # said above
            found = _judge(rule, new[name], against, shifts)
            if isinstance(found, Shift):
                chances.append((len(findings), found.p_above(_edge(rule))))
                found = _of_shift(rule, new[name], found, against)
            if found.timed and new[name].exact and new[name].differs:
                other = f"other answers on {len(new[name].differs)} texts, so its speed does not count"
                found = replace(found, says=f"{found.says}; {other}")
            excused = found.verdict == "skipped" and _is_new(against.entries.get(name))
            findings.append(replace(found, warns=rule.severity == "warn", excused=excused))
    for place in _by_chance(chances, shifts.level):
        if findings[place].verdict == "fail":
            findings[place] = replace(findings[place], verdict="inconclusive")
    return findings


def matching(rule: Rule, names: Sequence[str], *, at_least: int = 1) -> list[str]:
    """The combinations that a rule is about: by pattern, or by name with its optimizations in any order.

    Raises:
        InputError: there are fewer than so many.
    """
    parts = sorted(rule.cell.split("+"))
    found = [
        name
        for name in dict.fromkeys(names)
        if fnmatch.fnmatchcase(name, rule.cell) or sorted(name.split("+")) == parts
    ]
    if len(found) < at_least:
        known = list(dict.fromkeys(names))
        raise InputError(f"rule {rule.name!r}: {unknown('cell', rule.cell, known)}; * stands for any characters")
    return found


def _cells(new: Entries, against: Against) -> Iterator[Finding]:
    added = [name for name in new if name not in against.entries]
    for name, old in against.entries.items():
        if name not in new:
            hint = f"; there is a new one, {', '.join(added)}: was it renamed?" if added else ""
            yield Finding("cells", name, "fail", f"{against.name} has it and this run has not{hint}")
        elif (problem := new[name].problem) == NOT_RUN:
            yield Finding("cells", name, "inconclusive", "the budget was spent before its first round")
        elif problem and old.problem and (_failed(old) or not _failed(new[name])):
            said = f"nothing to compare: {problem}; {against.name}: {old.problem}"
            yield Finding("cells", name, "skipped", said, excused=problem.startswith(_BROKEN_THERE))
        elif problem:
            was = f"it was {old.problem}" if old.problem else "measured it"
            yield Finding("cells", name, "fail", f"{against.name}: {was}; here it is {problem}")
    for name in added:
        said = f", and here it is {new[name].problem}" if new[name].problem else ""
        said = f"new: {against.name} has nothing to compare it with{said}"
        yield Finding("cells", name, "skipped", said, excused=True)


def _is_new(old: Entry | None) -> bool:
    return old is None or old.problem is not None


def _failed(entry: Entry) -> bool:
    return entry.problem is not None and entry.problem.startswith("failed")


def _judge(rule: Rule, new: Entry, against: Against, shifts: Shifts) -> Finding | Shift:
    old = against.entries.get(new.combination)
    key = rule.limit[0] if rule.limit else ""
    if rule.metric == "parity":
        return _parity(rule, new, old, against)
    if rule.timed and not rule.relative:
        return _absolute(rule, new, against)
    if rule.metric.startswith("peak") and key == "max":
        return _memory(rule, new, None)
    if old is None or old.problem:
        return _said(rule, new, "skipped", f"{against.name} has nothing to compare it with")
    if rule.metric == "f1_drop":
        return _f1(rule, new, old)
    if rule.metric in TIMED:
        if against.no_ratios:
            return _said(rule, new, "skipped", against.no_ratios)
        if rule.metric == "p95_ratio" and new.time and not new.p95:
            return _too_few(rule, new)
        found = shifts.of(TIMED[rule.metric], new.combination)
        return found if isinstance(found, Shift) else _said(rule, new, "skipped", found)
    return _memory(rule, new, old)


def _said(rule: Rule, entry: Entry, verdict: Verdict, says: str) -> Finding:
    return Finding(rule.name, entry.combination, verdict, says)


def _edge(rule: Rule) -> float:
    """A relative limit as a logarithm of times."""
    share = rule.share()
    assert share is not None
    return -math.log(1 - share) if rule.max_decrease else math.log(1 + share)


def _of_shift(rule: Rule, entry: Entry, found: Shift, against: Against) -> Finding:
    edge = _edge(rule)
    verdict: Verdict = "fail" if found.low > edge else "pass" if found.high <= edge else "inconclusive"
    if math.isinf(found.error):
        return Finding(rule.name, entry.combination, verdict, "too few rounds to tell", timed=True)
    ends = [math.exp(end) for end in (found.mean, found.low, found.high)]
    if rule.metric == "qps":
        ends = [1 / ends[0], 1 / ends[2], 1 / ends[1]]
    value, low, high = ends
    says = f"{value:.3f} [{low:.3f}, {high:.3f}] of {against.name}, after {len(entry.time)} rounds"
    return Finding(rule.name, entry.combination, verdict, says, timed=True)


def _by_chance(chances: Sequence[tuple[int, float]], level: float) -> Iterator[int]:
    """The places of those that may be chance when all timed rules are judged together.

    Source: Holm, A Simple Sequentially Rejective Multiple Test Procedure (1979).
    """
    stopped = False
    for rank, (place, chance) in enumerate(sorted(chances, key=lambda one: one[1])):
        stopped = stopped or chance >= level / (len(chances) - rank)
        if stopped:
            yield place


def _parity(rule: Rule, new: Entry, old: Entry | None, against: Against) -> Finding:
    if against.paired or new.exact:
        differing = list(dict.fromkeys([*new.differs, *against.changed]))
    else:
        differing = [one for one in new.differs if old is None or one not in old.differs]
    if not differing:
        return _said(rule, new, "pass", "the same answers")
    named = ", ".join(differing[:_NAMED]) + (f" and {len(differing) - _NAMED} more" if len(differing) > _NAMED else "")
    return _said(rule, new, "fail", f"other answers on {len(differing)} texts: {named}")


def _f1(rule: Rule, new: Entry, old: Entry) -> Finding:
    if new.f1 is None or old.f1 is None:
        return _said(rule, new, "skipped", "the texts have no gold to tell F1 from")
    lost = round(old.f1 - new.f1, F1_DIGITS - 1)  # a baseline's file keeps so many
    return _said(rule, new, "pass" if lost <= rule.amount() else "fail", f"F1 {old.f1:.2f} to {new.f1:.2f}")


def _memory(rule: Rule, new: Entry, old: Entry | None) -> Finding:
    part = "rss_bytes" if rule.metric == "peak_rss_bytes" else "vram_bytes"
    now, before = getattr(new, part), getattr(old, part) if old else None
    if now is None or (old is not None and before is None):
        return _said(rule, new, "skipped", "this kind of memory was not measured on both sides")
    if before is None:
        return _said(rule, new, "pass" if now <= rule.amount() else "fail", format_bytes(now))
    share = rule.share()
    most = before + (share * before if share is not None else rule.amount())
    says = f"{format_bytes(before)} to {format_bytes(now)}, allowed up to {format_bytes(most)}"
    return _said(rule, new, "pass" if now <= most else "fail", says)


def _too_few(rule: Rule, entry: Entry) -> Finding:
    return replace(_said(rule, entry, "inconclusive", "too few requests for a P95 (93)"), timed=True)


def _absolute(rule: Rule, new: Entry, against: Against) -> Finding:
    if against.no_times:
        return _said(rule, new, "skipped", against.no_times)
    if rule.metric == "p95" and new.time and new.p95_ns is None:
        return _too_few(rule, new)
    found, shown = _figure(rule.metric, new)
    verdict = _VERDICTS[kept(found, rule.amount(), at_least=rule.min is not None)]
    if found is None:
        return _said(rule, new, verdict, NEEDS[TIMED.get(rule.metric, "time")])
    ends = f", without interval: that takes {found.lacks}" if found.lacks else ""
    if found.low is not None and found.high is not None:
        ends = f" [{shown(found.low)}, {shown(found.high)}]"
    return replace(_said(rule, new, verdict, f"{shown(found.value)}{ends}"), timed=True)


def _figure(metric: str, new: Entry) -> tuple[Figure | None, Callable[[float], str]]:
    """A value with its interval, and how it is written."""
    if metric == "qps":
        return _with_ends(new.rate, new.rate_ends, "rounds"), lambda rate: f"{rate:.3g} requests/s"
    if metric == "p95":
        return _with_ends(new.p95_ns, new.p95_ends_ns, "rounds or texts"), format_ms
    starts = new.starts_ns
    return around(fmean(starts), starts, "starts") if starts else None, lambda ns: f"{ns / NS_PER_S:.2f} s"


def _with_ends(value: float | None, ends: Sequence[float], lacks: str) -> Figure | None:
    if value is None:
        return None
    low, high = ends or (None, None)
    return Figure(value, low, high, None if ends else f"more {lacks}")
