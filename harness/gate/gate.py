"""A gate from its rules to its findings: measure what they are about, and judge."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from harness.analyse.baselines import Baseline, changed_answers, read_baseline, why_no_ratios, why_no_times
from harness.analyse.between import between
from harness.analyse.compare import assumed_sd, ratios
from harness.analyse.entries import Entry, entries, partners
from harness.analyse.gate import Against, Finding, judge, matching
from harness.analyse.rules import Rule, Rules
from harness.analyse.runs import kind_of
from harness.analyse.shifts import Shifts
from harness.analyse.verdict import excuse
from harness.errors import InputError, SuiteError
from harness.gate.baseline import of_directory
from harness.gate.revision import AgainstOther, Other
from harness.gate.rounds import GateRounds
from harness.gate.suited import Suited, suited
from harness.gate.worktree import Revision, checked_out
from harness.plan.cells import Planned
from harness.record import BASELINE, Header, Record
from harness.run.ablation import Ablation, BaselineError, MeasuringExecutor, Options, execute, prepare
from harness.run.executors.local import LocalExecutor, Settings
from harness.run.store import kept_runs, read_run

Progress = Callable[[str, int], None]
# Runs rounds and shows their progress; returns no directory if it makes no round.
Work = Callable[[int, Callable[[Progress], Path]], Path | None]


@dataclass(frozen=True)
class Judged:
    """What a gate found."""

    findings: Sequence[Finding]
    against: str
    directory: Path | None  # the run's; None where nothing could be measured


class Side(Protocol):
    """What a run is judged against."""

    @property
    def name(self) -> str:
        """In the words of a finding."""
        ...

    def judge(
        self, rules: Sequence[Rule], header: Header, records: Sequence[Record], directory: Path | None = None
    ) -> list[Finding]:
        """Judge rules by the records so far.

        Args:
            rules: those that can be judged.
            header: the run's.
            records: the run's.
            directory: the run's, once it is at its end; some things are only judged then.
        """
        ...


@dataclass(frozen=True)
class OtherSide:
    """Another revision, whose processes were the partners in every round."""

    name: str
    combinations: Sequence[str]  # those that it has
    added: Sequence[Planned]  # those that it lacks, so that nothing is timed against them

    def judge(
        self, rules: Sequence[Rule], header: Header, records: Sequence[Record], _: Path | None = None
    ) -> list[Finding]:
        """See `Side.judge`."""
        new = entries(header, records)
        new |= {one.combination: Entry(one.combination, one.exact, one.reason or "not measured") for one in self.added}
        old = {name: Entry(name, exact=True, problem=None) for name in self.combinations} | partners(records)
        shifts = Shifts(new, old, paired=True, assumed_sd=assumed_sd(header.environment))
        return judge(rules, new, Against(old, self.name, paired=True), shifts)


@dataclass(frozen=True)
class BaselineSide:
    """A committed baseline file: another run, timed against stock as this one is."""

    name: str
    baseline: Baseline
    runs: Path  # where runs are kept

    def judge(
        self, rules: Sequence[Rule], header: Header, records: Sequence[Record], directory: Path | None = None
    ) -> list[Finding]:
        """See `Side.judge`; weights, and answers of the baseline extractor, are compared at the end."""
        new, old, origin = entries(header, records), self.baseline.entries, self.baseline.origin
        sd = max(assumed_sd(header.environment), origin.assumed_sd)
        apart = between([[ratios(kept) for kept in kept_runs(self.runs, header.key)]])
        shifts = Shifts(new, old, paired=False, assumed_sd=sd, between=apart)
        against = Against(old, self.name, paired=False)
        if why := why_no_ratios(origin, " ".join(kind_of(header)), self.name):
            against = replace(against, no_ratios=why, no_times=why)
        if directory is None:
            return judge(rules, new, against, shifts)
        now, found = of_directory(directory), []
        if against.no_times is None:
            against = replace(against, no_times=why_no_times(origin, now.origin, self.name))
        if now.origin.weights != origin.weights:
            said = f"the weights of {origin.checkpoint!r} are others than those of {self.name}"
            found.append(Finding("checkpoint", now.origin.checkpoint, "fail", said))
        return found + judge(rules, new, replace(against, changed=changed_answers(now, self.baseline)), shifts)


@dataclass(frozen=True)
class Gate:
    """Rules, what is measured for them, and what this is judged against."""

    able: Suited
    ablation: Ablation
    side: Side
    executor_of: Callable[[Settings], MeasuringExecutor]

    def run(self, work: Work, *, allow_skipped: bool) -> Judged:
        """Measure and judge."""
        judged = self._run(work)
        return replace(judged, findings=excuse(judged.findings)) if allow_skipped else judged

    def _run(self, work: Work) -> Judged:
        rules, name = self.able.rules, self.side.name
        if not rules.rule:
            return Judged(self.able.skipped, name, None)
        names = [planned.combination for planned in self.ablation.plan]
        timed = {cell for rule in rules.rule if rule.timed for cell in matching(rule, names, at_least=0)}
        begun = time.monotonic()
        try:
            directory = work(
                len(timed) * rules.rounds + len(names) - len(timed),
                lambda progress: execute(
                    self.ablation,
                    progress,
                    executor_of=self.executor_of,
                    rounds_of=lambda header: self._rounds(header, timed, begun),
                ),
            )
        except BaselineError as error:
            return Judged([Finding("cells", BASELINE, "fail", str(error))], name, None)
        if directory is None:
            return Judged([], name, None)
        header, records = read_run(directory, lambda _: None)
        return Judged([*self.able.skipped, *self.side.judge(rules.rule, header, records, directory)], name, directory)

    def _rounds(self, header: Header, timed: set[str], begun: float) -> GateRounds:
        options, rules = self.ablation.options, self.able.rules

        def is_open(records: Sequence[Record]) -> set[str]:
            found = self.side.judge(rules.rule, header, records)
            return {one.cell for one in found if one.timed and one.verdict == "inconclusive"}

        until = None if options.budget_s is None else begun + options.budget_s
        chance = random.Random(options.seed)
        return GateRounds(self.ablation.plan, timed, is_open, chance, rounds=rules.rounds, until=until)


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
        added = [planned for planned in ablation.plan if planned not in both]
        gate = Gate(
            able,
            replace(ablation, plan=both),
            OtherSide(other.name, list(names), added),
            lambda settings: AgainstOther(settings, other, names),
        )
        return gate.run(work, allow_skipped=allow_skipped)


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
    side = BaselineSide(name, old, options.directory)
    return Gate(able, ablation, side, LocalExecutor).run(work, allow_skipped=allow_skipped)
