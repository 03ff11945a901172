"""A gate from its rules to its findings: measure what they are about, and judge."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from harness.analyse.baselines import changed_answers, read_baseline, why_no_ratios, why_no_times
from harness.analyse.between import between
from harness.analyse.compare import assumed_sd, ratios
from harness.analyse.entries import Entry, entries, partners
from harness.analyse.gate import Against, Finding, judge, matching
from harness.analyse.rules import Rules
from harness.analyse.runs import kind_of
from harness.analyse.shifts import Shifts
from harness.analyse.stats import Prior
from harness.analyse.verdict import excuse
from harness.errors import InputError, SuiteError
from harness.gate.baseline import of_directory
from harness.gate.revision import AgainstOther, Other
from harness.gate.rounds import GateRounds
from harness.gate.suited import Suited, suited
from harness.gate.worktree import Revision, checked_out
from harness.record import BASELINE, Header, Record
from harness.run.ablation import Ablation, BaselineError, MeasuringExecutor, Options, execute, prepare
from harness.run.executors.local import LocalExecutor, Settings
from harness.run.store import kept_runs, read_run

Progress = Callable[[str, int], None]
# Given what was measured, and the run's directory once it is at its end.
Judging = Callable[[Header, Sequence[Record], Path | None], list[Finding]]
# Runs rounds and shows their progress; returns no directory if it makes no round.
Work = Callable[[int, Callable[[Progress], Path]], Path | None]


@dataclass(frozen=True)
class Judged:
    """What a gate found."""

    findings: Sequence[Finding]
    against: str
    directory: Path | None  # the run's; None where nothing could be measured


def against_revision(
    rules: Rules, revision: Revision, options: Options, work: Work, *, allow_skipped: bool = False
) -> Judged:
    """This working tree against another revision, both in every round.

    Args:
        rules: as read.
        revision: the other.
        options: how their suite is run.
        work: shows the progress.
        allow_skipped: whether the gate may pass although rules were skipped.

    Raises:
        InputError: the revision is older than this tool, or does not come up; a rule is about no combination, or cannot
            be judged.
    """
    with checked_out(revision) as tree:
        other = Other(tree, revision)
        names = other.plan(options)
        try:
            ablation = prepare(replace(options, partner=other.name))
        except SuiteError as error:
            said = f"{other.name} plans it, and here the suite fails: {error}"
            return Judged([Finding("cells", name, "fail", said) for name in names], other.name, None)
        able = suited(rules, ablation, names, allow_skipped=allow_skipped)
        both = tuple(planned for planned in ablation.plan if planned.combination in names)

        def judging(header: Header, records: Sequence[Record], _: Path | None) -> list[Finding]:
            added = [planned for planned in ablation.plan if planned not in both]  # with nothing to be timed against
            new = entries(header, records)
            new |= {one.combination: Entry(one.combination, one.exact, one.reason or "not measured") for one in added}
            old = {name: Entry(name, exact=True, problem=None) for name in names} | partners(records)
            shifts = Shifts(new, old, paired=True, assumed_sd=assumed_sd(header.environment))
            return judge(able.rules.rule, new, Against(old, other.name, paired=True), shifts)

        planned = replace(ablation, plan=both)
        judged = _measured(
            able, planned, work, judging, other.name, lambda settings: AgainstOther(settings, other, names)
        )
        return replace(judged, findings=excuse(judged.findings)) if allow_skipped else judged


def against_baseline(rules: Rules, path: Path, options: Options, work: Work, *, allow_skipped: bool = False) -> Judged:
    """This working tree, timed against stock, with what a committed file says.

    Args:
        rules: as read.
        path: the committed file.
        options: how the rules' suite is run.
        work: shows the progress.
        allow_skipped: whether the gate may pass although rules were skipped.

    Raises:
        InputError: the file cannot be used; a rule is about no combination, or cannot be judged.
    """
    old, name = read_baseline(path), f"the baseline {path.name}"
    ablation = prepare(options)
    if ablation.path.stem != old.origin.suite:
        raise InputError(
            f"{path} is of the suite {old.origin.suite!r}, and the rules measure {ablation.path.stem!r}; write it anew "
            f"with `uiebench baseline update {path}`"
        )
    able = suited(rules, ablation, old.entries, old=old.entries, allow_skipped=allow_skipped)

    @cache
    def apart(key: str) -> Prior:
        return between([[ratios(records) for records in kept_runs(options.directory, key)]])

    def judging(header: Header, records: Sequence[Record], directory: Path | None) -> list[Finding]:
        new, origin = entries(header, records), old.origin
        sd = max(assumed_sd(header.environment), origin.assumed_sd)
        shifts = Shifts(new, old.entries, paired=False, assumed_sd=sd, between=apart(header.key))
        against = Against(old.entries, name, paired=False)
        if why := why_no_ratios(origin, " ".join(kind_of(header)), name):
            against = replace(against, no_ratios=why, no_times=why)
        if directory is None:
            return judge(able.rules.rule, new, against, shifts)
        now, found = of_directory(directory), []
        if against.no_times is None:
            against = replace(against, no_times=why_no_times(origin, now.origin, name))
        if now.origin.weights != origin.weights:
            said = f"the weights of {origin.checkpoint!r} are others than those of {name}"
            found.append(Finding("checkpoint", now.origin.checkpoint, "fail", said))
        return found + judge(able.rules.rule, new, replace(against, changed=changed_answers(now, old)), shifts)

    judged = _measured(able, ablation, work, judging, name, LocalExecutor)
    return replace(judged, findings=excuse(judged.findings)) if allow_skipped else judged


def _measured(
    able: Suited,
    ablation: Ablation,
    work: Work,
    judging: Judging,
    name: str,
    executor_of: Callable[[Settings], MeasuringExecutor],
) -> Judged:
    options, rules, begun = ablation.options, able.rules, time.monotonic()
    if not rules.rule:
        return Judged(able.skipped, name, None)
    names = [planned.combination for planned in ablation.plan]
    timed = {cell for rule in rules.rule if rule.timed for cell in matching(rule, names, at_least=0)}

    def rounds_of(header: Header) -> GateRounds:
        def is_open(records: Sequence[Record]) -> set[str]:
            found = judging(header, records, None)
            return {one.cell for one in found if one.timed and one.verdict == "inconclusive"}

        until = None if options.budget_s is None else begun + options.budget_s
        chance = random.Random(options.seed)
        return GateRounds(ablation.plan, timed, is_open, chance, rounds=rules.rounds, until=until)

    def measure(progress: Progress) -> Path:
        return execute(ablation, progress, executor_of=executor_of, rounds_of=rounds_of)

    try:
        directory = work(len(timed) * rules.rounds + len(names) - len(timed), measure)
    except BaselineError as error:
        return Judged([Finding("cells", BASELINE, "fail", str(error))], name, None)
    if directory is None:
        return Judged([], name, None)
    header, records = read_run(directory, lambda _: None)
    return Judged([*able.skipped, *judging(header, records, directory)], name, directory)
