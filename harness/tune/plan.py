"""A search as it was asked for, checked."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from harness.analyse.figures import FEWEST
from harness.data.dataset import Example
from harness.embedded.checkpoints import find_checkpoint
from harness.errors import InputError, SuiteError
from harness.plan.cells import Planned, plan_cells
from harness.plan.combination import parse
from harness.plan.registry import Registry, find_optimizations
from harness.plan.suite import Combinations, Measure, Suite
from harness.record import RECORD_VERSION, STOCK
from harness.run import ablation as runs
from harness.run.ablation import Ablation, Options
from harness.run.estimate import START_S, round_s
from harness.run.key import run_key
from harness.run.texts import Warn
from harness.tune.seeds import Seeds, seeds
from harness.tune.space import Space, find_space
from harness.tune.study import library
from harness.tune.texts import split
from harness.units import format_seconds


@dataclass(frozen=True)
class Wanted:
    """What the command line asks of a search, beside a run's options."""

    limits: Mapping[str, float]  # as a suite's targets
    inexact: bool = False
    trials: int | None = None
    begin_with: Path | None = None  # a run's directory
    resume: Path | None = None  # a search's
    skip: tuple[str, ...] = ()  # patterns of optimizations


@dataclass(frozen=True)
class Prepared:
    """A checked search; nothing has been started yet."""

    wanted: Wanted
    ablation: Ablation  # times the texts of the search; those that are held back are only compared
    kept_back: tuple[Example, ...]
    registry: Registry
    space: Space
    seeds: Seeds
    confirm: int  # rounds

    @property
    def measure(self) -> Measure:
        """How a combination is measured."""
        return self.ablation.suite.measure

    @property
    def round_s(self) -> float:
        """What a round is assumed to take."""
        texts = self.ablation.passes(padded=False)
        return round_s(
            texts,
            texts,
            ["single_stream", "cold_start"],
            self.measure.passes,
            optimizations=len(self.space.switches),
            weighs=True,
        )

    @property
    def least_s(self) -> float:
        """What the least search is assumed to take: stock, one round of one combination, and its confirmation."""
        answers = self.ablation.passes(padded=True)
        begun = START_S + answers.timed_s + answers.compared_s  # with the baseline's answers
        return begun + (2 + self.confirm) * self.round_s

    @property
    def rounds(self) -> int:
        """About how many there will be, at most."""
        found = []
        if self.wanted.trials is not None:
            found.append(1 + self.wanted.trials * self.measure.rounds + self.confirm)
        if (budget := self.ablation.options.budget_s) is not None:
            found.append(max(self.confirm, int(budget / self.round_s)))
        return min(found)

    def planned(self, combination: str) -> Planned:
        """A combination of the search."""
        named = Combinations(design="explicit", include=[combination])
        suite = msgspec.structs.replace(self.ablation.suite, combinations=named)
        planned = plan_cells(suite, self.registry, self.ablation.options.device)
        return next(one for one in planned[::-1] if one.combination == combination)


def prepare(options: Options, wanted: Wanted, warn: Warn) -> Prepared:
    """Read and check everything that a search needs, without starting anything.

    Raises:
        UiebenchError: something of it is not what it has to be, or there is too little time.
    """
    library()
    base = runs.prepare(options, warn)
    registry = find_optimizations(options.plugins)
    begun_with = Seeds() if wanted.begin_with is None else seeds(wanted.begin_with, options, warn)
    measure = base.suite.measure
    confirm = measure.confirm or measure.rounds
    if "max_cold_start" in wanted.limits and measure.rounds + measure.starts < FEWEST:
        raise InputError(
            f"--max-cold-start needs {FEWEST} starts of each combination, and the suite makes "
            f"{measure.rounds + measure.starts}; set rounds = {FEWEST} in its [measure]"
        )
    suite = msgspec.structs.replace(
        base.suite,
        measure=msgspec.structs.replace(
            measure, scenarios=("single_stream", "cold_start"), only={}, confirm=0, precision=None, stopping=[]
        ),
    )
    searched, kept_back = split(base.examples)
    space = find_space(
        registry,
        suite,
        options.device,
        inexact=wanted.inexact,
        skip=wanted.skip,
        seeds=_readable([*begun_with.first, *(begun_with.known or ())], registry),
    )
    ablation = replace(base, suite=suite, examples=searched, compared=(*kept_back, *base.compared), plan=())
    prepared = Prepared(wanted, ablation, kept_back, registry, space, begun_with, confirm)
    ablation = replace(ablation, plan=(prepared.planned(STOCK),))
    prepared = replace(prepared, ablation=ablation)
    if options.budget_s is not None and options.budget_s < prepared.least_s:
        raise InputError(
            f"--budget {format_seconds(options.budget_s)} is too little for one combination and its confirmation: "
            f"about {format_seconds(prepared.least_s)}; give more, or take fewer texts or confirming rounds"
        )
    return prepared


def identity_of(prepared: Prepared) -> dict[str, Any]:
    """What must be the same for a search to go on, each by the name that a message gives it."""
    ablation, options, wanted = prepared.ablation, prepared.ablation.options, prepared.wanted
    checkpoint = find_checkpoint(options.checkpoint).resolve()
    texts = hashlib.sha256(repr(msgspec.to_builtins(ablation.examples + ablation.compared)).encode()).hexdigest()[:16]
    found: dict[str, Any] = {
        "checkpoint": str(checkpoint),
        "device": options.device,
        "threads": options.threads,
        "texts": f"{len(ablation.examples) + len(prepared.kept_back)} texts with the hash {texts}",
        "constraints": dict(wanted.limits),
        "inexact": wanted.inexact,
        "optimizations and parameters": prepared.space.described,
        "measure": repr(msgspec.to_builtins(prepared.measure)),
        "confirming rounds": prepared.confirm,
    }
    suite: Suite = msgspec.structs.replace(ablation.suite, description="")
    decides = (RECORD_VERSION, msgspec.to_builtins(suite), found, options.seed)
    return {**found, "key": run_key(decides, checkpoint, options.plugins)}


def _readable(combinations: Sequence[str], registry: Registry) -> list[str]:
    """Those that consist of optimizations that are there."""
    found = []
    for name in combinations:
        try:
            parse(name, registry)
        except SuiteError:
            continue
        found.append(name)
    return found
