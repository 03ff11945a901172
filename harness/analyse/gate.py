"""Rules judged by a run and what it is compared with: pass, fail, inconclusive, or skipped with a reason."""

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
from harness.analyse.figures import FEWEST, Figure, around
from harness.analyse.rows import Kept
from harness.analyse.rules import METRICS, TIMED, Rule
from harness.analyse.screen import Screen
from harness.analyse.shifts import NEEDS, Shift, Shifts
from harness.analyse.stats import holm
from harness.analyse.targets import kept
from harness.analyse.texts import FEWEST_TEXTS
from harness.errors import InputError, unknown
from harness.figures import KINDS
from harness.members import members
from harness.units import NS_PER_S, format_bytes

Verdict: TypeAlias = Literal["pass", "fail", "inconclusive", "skipped"]
Entries: TypeAlias = Mapping[str, Entry]
_NAMED = 5  # texts in a sentence
_MOST_ROUNDS = 100  # a finding names no larger number; a gate makes 16
_BROKEN_THERE = "failed (other)"  # the problem of a combination that failed only in the other revision
_VERDICTS: Mapping[Kept, Verdict] = {
    "met": "pass",
    "missed": "fail",
    "unsure": "inconclusive",
    "not measured": "skipped",
}


@dataclass(frozen=True)
class Finding:
    """The result of a rule for one combination."""

    rule: str
    cell: str
    verdict: Verdict
    says: str
    warns: bool = False  # a failure only warns
    timed: bool = False  # about time: more rounds may decide it
    excused: bool = False  # skipped, but the gate may still pass


@dataclass(frozen=True)
class Against:
    """The side that a run is compared with."""

    entries: Entries
    name: str
    paired: bool  # its processes were the partners in the run's own rounds
    changed: Sequence[str] = ()  # texts for which the baseline extractor's answer has changed
    no_ratios: str | None = None  # why times must not be compared, not even as ratios to stock
    no_times: str | None = None  # why limits on absolute times are not judged


def judge(rules: Sequence[Rule], new: Entries, against: Against, shifts: Shifts) -> list[Finding]:
    """Judge every rule for each of its combinations, after findings about missing, new and failed combinations.

    A combination that is new or repaired in this run has nothing to be compared with. Rules that are skipped for this
    reason are excused.

    Raises:
        InputError: a rule matches no combination of either side.
    """
    findings = [*_cells(new, against)]
    chances: list[tuple[int, float]] = []  # places in the findings, and the probability of such a shift by chance
    for rule in rules:
        for name in matching(rule, [*new, *against.entries]):
            if name not in new or new[name].problem:
                continue  # _cells reports it
            found = _judge(rule, new[name], against, shifts)
            if not isinstance(found, Finding):
                chances.append((len(findings), found.p_above(_edge(rule))))
                found = _of_moved(rule, new[name], found, against)
            if found.timed and new[name].exact and new[name].differs:
                other = f"other answers on {_texts(len(new[name].differs))}, so its speed does not count"
                found = replace(found, says=f"{found.says}; {other}")
            excused = found.verdict == "skipped" and _is_new(against.entries.get(name))
            findings.append(replace(found, warns=rule.severity == "warn", excused=excused))
    for place in _by_chance(chances, shifts.level):
        if findings[place].verdict == "fail":
            findings[place] = replace(findings[place], verdict="inconclusive")
    return findings


def matching(rule: Rule, names: Sequence[str], *, at_least: int = 1) -> list[str]:
    """The combinations of a rule: by pattern, or by name with the optimizations in any order.

    Raises:
        InputError: there are fewer than `at_least`.
    """
    wanted = sorted(members(rule.cell))
    found = [
        name for name in dict.fromkeys(names) if fnmatch.fnmatchcase(name, rule.cell) or sorted(members(name)) == wanted
    ]
    if len(found) < at_least:
        known = list(dict.fromkeys(names))
        raise InputError(f"rule {rule.name!r}: {unknown('cell', rule.cell, known)}; * stands for any characters")
    return found


def _cells(new: Entries, against: Against) -> Iterator[Finding]:
    added = [name for name in new if name not in against.entries]
    for name, old in against.entries.items():
        if name not in new:
            hint = f". New here: {', '.join(added)}. Was it renamed?" if added else ""
            yield Finding("cells", name, "fail", f"{against.name} has this combination, but this run does not{hint}")
        elif (problem := new[name].problem) == NOT_RUN:
            yield Finding("cells", name, "inconclusive", "the budget was spent before its first round")
        elif problem and old.problem and (_failed(old) or not _failed(new[name])):
            said = f"nothing to compare: {problem}; {against.name}: {old.problem}"
            yield Finding("cells", name, "skipped", said, excused=problem.startswith(_BROKEN_THERE))
        elif problem:
            was = old.problem or "measured"
            yield Finding("cells", name, "fail", f"here: {problem}; {against.name}: {was}")
    for name in added:
        said = f"; here: {new[name].problem}" if new[name].problem else ""
        said = f"new: {against.name} has nothing to compare it with{said}"
        yield Finding("cells", name, "skipped", said, excused=True)


def _is_new(old: Entry | None) -> bool:
    return old is None or old.problem is not None


def _failed(entry: Entry) -> bool:
    return entry.problem is not None and entry.problem.startswith("failed")


def _judge(rule: Rule, new: Entry, against: Against, shifts: Shifts) -> Finding | Shift | Screen:
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
        found = _moved(rule, new, old, against, shifts)
        return _said(rule, new, "skipped", found) if isinstance(found, str) else found
    return _memory(rule, new, old)


def _moved(rule: Rule, new: Entry, old: Entry, against: Against, shifts: Shifts) -> Shift | Screen | str:
    """How far a figure moved, or why this is not known."""
    if rule.metric == "p95_ratio" and new.time and not new.p95:
        return f"a P95 over texts needs {FEWEST_TEXTS} texts"
    if rule.metric != "text_time_ratio":
        return shifts.of(TIMED[rule.metric], new.combination)
    found = shifts.of_texts(new.combination)
    alone = 0 if against.paired else len(new.texts.keys() ^ old.texts.keys())
    return found if isinstance(found, str) else Screen(found, alone)


def _said(rule: Rule, entry: Entry, verdict: Verdict, says: str) -> Finding:
    return Finding(rule.name, entry.combination, verdict, says)


def _edge(rule: Rule) -> float:
    """A relative limit, as the logarithm of a ratio of times."""
    share = rule.share()
    assert share is not None
    return -math.log(1 - share) if rule.max_decrease else math.log(1 + share)


def _of_moved(rule: Rule, entry: Entry, found: Shift | Screen, against: Against) -> Finding:
    rounds = len(entry.time)
    of = f"of {against.name}, after {rounds} round{'' if rounds == 1 else 's'}"
    verdict, says = _of_shift(rule, found, of) if isinstance(found, Shift) else _of_screen(rule, found, of, rounds)
    return Finding(rule.name, entry.combination, verdict, says, timed=True)


def _of_shift(rule: Rule, found: Shift, of: str) -> tuple[Verdict, str]:
    edge = _edge(rule)
    verdict: Verdict = "fail" if found.low > edge else "pass" if found.high <= edge else "inconclusive"
    if math.isinf(found.error):
        return verdict, "too few rounds to decide"
    return verdict, f"{_ends(found, rate=rule.metric == 'qps')} {of}"


def _of_screen(rule: Rule, found: Screen, of: str, rounds: int) -> tuple[Verdict, str]:
    edge = _edge(rule)
    if any(math.isinf(one.error) for one in found.shifts.values()):
        return "inconclusive", f"{FEWEST} rounds are needed to know how much a text varies"
    alone = f"; not compared, because only one side has them: {_texts(found.alone)}" if found.alone else ""
    if slower := found.slower(edge):
        return "fail", f"{_named(slower, found, 'slower')} {of}{alone}"
    if still_open := found.open(edge):
        needed = found.rounds_needed(edge, rounds)
        most = f"about {math.ceil(needed)} rounds" if needed <= _MOST_ROUNDS else f"more than {_MOST_ROUNDS} rounds"
        texts = _named(still_open, found, "not shown to keep the limit")
        return "inconclusive", f"{texts} {of}; to decide, {most} are needed{alone}"
    slowest = found.by_mean(list(found.shifts))[0]
    return "pass", f"the slowest of {len(found.shifts)} texts, {slowest}: {_ends(found.among_all(slowest))} {of}{alone}"


def _named(texts: Sequence[str], found: Screen, are: str) -> str:
    each = ", ".join(f"{text} {_ends(found.among_all(text))}" for text in texts[:_NAMED])
    more = f" and {len(texts) - _NAMED} more" if len(texts) > _NAMED else ""
    return f"{len(texts)} of {len(found.shifts)} texts {are}: {each}{more}"


def _ends(found: Shift, *, rate: bool = False) -> str:
    value, low, high = (math.exp(end) for end in (found.mean, found.low, found.high))
    if rate:
        value, low, high = 1 / value, 1 / high, 1 / low
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"


def _by_chance(chances: Sequence[tuple[int, float]], level: float) -> Iterator[int]:
    """The places of the shifts that may be chance, if all timed rules are judged together."""
    levels = holm([(chance, level) for _, chance in chances])
    yield from (place for (place, chance), least in zip(chances, levels, strict=True) if chance >= least)


def _parity(rule: Rule, new: Entry, old: Entry | None, against: Against) -> Finding:
    if against.paired or new.exact:
        differing = list(dict.fromkeys([*new.differs, *against.changed]))
    else:
        differing = [one for one in new.differs if old is None or one not in old.differs]
    if not differing:
        return _said(rule, new, "pass", "the same answers")
    named = ", ".join(differing[:_NAMED]) + (f" and {len(differing) - _NAMED} more" if len(differing) > _NAMED else "")
    return _said(rule, new, "fail", f"other answers on {_texts(len(differing))}: {named}")


def _f1(rule: Rule, new: Entry, old: Entry) -> Finding:
    if new.f1 is None or old.f1 is None:
        return _said(rule, new, "skipped", "the texts have no gold spans, so there is no F1")
    lost = round(old.f1 - new.f1, F1_DIGITS - 1)  # the file of a baseline keeps as many
    return _said(rule, new, "pass" if lost <= rule.amount() else "fail", f"F1 {old.f1:.2f} to {new.f1:.2f}")


def _memory(rule: Rule, new: Entry, old: Entry | None) -> Finding:
    part = f"{METRICS[rule.metric].figure}_bytes"
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
    if rule.metric == "p95" and new.time and new.p95_ns is None:
        return replace(_said(rule, new, "inconclusive", "too few requests for a P95: it needs 93"), timed=True)
    found, shown = _figure(rule.metric, new)
    verdict = _VERDICTS[kept(found, rule.amount(), at_least=rule.min is not None)]
    if found is None:
        return _said(rule, new, verdict, NEEDS[TIMED.get(rule.metric, "time")])
    ends = f", without an interval, which needs {found.lacks}" if found.lacks else ""
    if found.low is not None and found.high is not None:
        ends = f" [{shown(found.low)}, {shown(found.high)}]"
    return replace(_said(rule, new, verdict, f"{shown(found.value)}{ends}"), timed=True)


def _figure(metric: str, new: Entry) -> tuple[Figure | None, Callable[[float], str]]:
    """The value with its interval, and the function that formats it."""
    if metric == "qps":
        return _with_ends(new.rate, new.rate_ends, "rounds"), KINDS["qps"].unit.show
    if metric == "p95":
        return _with_ends(new.p95_ns, new.p95_ends_ns, "rounds or texts"), KINDS["p95"].unit.show
    starts = new.starts_ns
    return around(fmean(starts), starts, "starts") if starts else None, lambda ns: f"{ns / NS_PER_S:.2f} s"


def _texts(count: int) -> str:
    return f"{count} text{'' if count == 1 else 's'}"


def _with_ends(value: float | None, ends: Sequence[float], lacks: str) -> Figure | None:
    if value is None:
        return None
    low, high = ends or (None, None)
    return Figure(value, low, high, None if ends else f"more {lacks}")
