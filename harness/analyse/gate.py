"""Rules held against a run and what it is compared with: pass, fail, inconclusive, or skipped with a reason."""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from harness.analyse.baselines import F1_DIGITS
from harness.analyse.entries import Entry
from harness.analyse.rules import Rule
from harness.analyse.shifts import Shift, Shifts, Timed
from harness.errors import InputError, unknown
from harness.units import NS_PER_S, format_bytes, format_ms

Verdict: TypeAlias = Literal["pass", "fail", "inconclusive", "skipped"]
Entries: TypeAlias = Mapping[str, Entry]
_NAMED = 5  # texts in a sentence

# Which of an entry's values a timed rule is about.
_TIMED: Mapping[str, Timed] = {"latency_ratio": "time", "p95_ratio": "p95", "qps": "qps", "cold_start": "starts_ns"}


@dataclass(frozen=True)
class Finding:
    """What a rule says of one combination."""

    rule: str
    cell: str
    verdict: Verdict
    says: str
    warns: bool = False  # a failure only warns
    timed: bool = False  # more rounds may decide it


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
            findings.append(replace(found, warns=rule.severity == "warn"))
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
        raise InputError(f"rule {rule.name!r}: {unknown('cell', rule.cell, names)}; * stands for any characters")
    return found


def _cells(new: Entries, against: Against) -> Iterator[Finding]:
    added = [name for name in new if name not in against.entries]
    for name, old in against.entries.items():
        if name not in new:
            hint = f"; there is a new one, {', '.join(added)}: was it renamed?" if added else ""
            yield Finding("cells", name, "fail", f"{against.name} has it and this run has not{hint}")
        elif (problem := new[name].problem) and old.problem:
            yield Finding("cells", name, "skipped", f"not measured on either side: {problem}")
        elif problem:
            yield Finding("cells", name, "fail", f"{against.name} measured it, and here it is {problem}")
    for name in added:
        said = f", and here it is {new[name].problem}" if new[name].problem else ""
        yield Finding("cells", name, "skipped", f"new: {against.name} has nothing to compare it with{said}")


def _judge(rule: Rule, new: Entry, against: Against, shifts: Shifts) -> Finding | Shift:
    old = against.entries.get(new.combination)
    key = rule.limit[0] if rule.limit else ""
    if rule.metric == "parity":
        return _parity(rule, new, old, against)
    if key in ("max", "min") and rule.metric in ("p95", "qps", "cold_start"):
        return _absolute(rule, new, against)
    if rule.metric.startswith("peak") and key == "max":
        return _memory(rule, new, None)
    if old is None or old.problem:
        return _said(rule, new, "skipped", f"{against.name} has nothing to compare it with")
    if rule.metric == "f1_drop":
        return _f1(rule, new, old)
    if rule.metric in _TIMED:
        if against.no_ratios:
            return _said(rule, new, "skipped", against.no_ratios)
        found = shifts.of(_TIMED[rule.metric], new.combination)
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


def _absolute(rule: Rule, new: Entry, against: Against) -> Finding:
    if against.no_times:
        return _said(rule, new, "skipped", against.no_times)
    limit = rule.amount()
    if rule.metric == "qps":
        if new.rate is None:
            return _said(rule, new, "skipped", "the suite does not measure closed_loop")
        return _said(rule, new, "pass" if new.rate >= limit else "fail", f"{new.rate:.3g} requests/s")
    if rule.metric == "cold_start":
        if not new.starts_ns:
            return _said(rule, new, "skipped", "the suite takes no cold starts")
        mean = sum(new.starts_ns) / len(new.starts_ns)
        return _said(rule, new, "pass" if mean <= limit else "fail", f"{mean / NS_PER_S:.2f} s")
    if new.p95_ns is None:
        return _said(rule, new, "skipped", "too few requests for a P95 (93)")
    return _said(rule, new, "pass" if new.p95_ns <= limit else "fail", f"P95 {format_ms(new.p95_ns)}")
