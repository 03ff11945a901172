"""The main job: a suite file in, a run directory with records and a report out."""

from __future__ import annotations

import fnmatch
import random
import shutil
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import msgspec

from harness.analyse.compare import MACHINE_SD, assumed_sd
from harness.analyse.stopping import rules_of
from harness.baseline.checkpoint import Checkpoint
from harness.data.dataset import Example
from harness.embedded.checkpoints import find_checkpoint, is_embedded
from harness.errors import InputError, PlatformError, SuiteError, UiebenchError, unknown
from harness.plan.cells import Planned, plan_cells
from harness.plan.combination import parse
from harness.plan.registry import find_optimizations
from harness.plan.short_forms import is_short, short_forms
from harness.plan.suite import Suite, find_suite, including, read_suite
from harness.plugin import Optimization, Stage
from harness.record import BASELINE, RECORD_VERSION, STOCK, End, Finished, Header, Record, is_peer
from harness.run.design import check_effects, untold
from harness.run.environment import environment
from harness.run.estimate import MINI_TOKEN_S, START_S, TOKEN_S, Passes, count_of, round_s
from harness.run.executors.local import LocalExecutor, Settings
from harness.run.executors.recorded import Reference
from harness.run.key import run_key
from harness.run.machine import between_process_sd
from harness.run.peers import with_peers
from harness.run.process import WorkerError
from harness.run.reference import read_reference, write_reference
from harness.run.runner import Executor, Rounds, run
from harness.run.stopping import Schedule, broken, most_confirming
from harness.run.store import Store, go_on, held, read_run, unfinished_run
from harness.run.texts import Warn, choose, with_texts


class MeasuringExecutor(Executor, Protocol):
    """Runs rounds, and gets the answers that they are compared with."""

    def reference(self) -> tuple[Reference, dict[str, Any]]:
        """The baseline's answers, and facts that its process reports."""
        ...


class EndingRounds(Rounds, Protocol):
    """Chooses the next round, and says afterwards why there were no more."""

    def ends(self, records: Sequence[Record], /) -> list[End]:
        """Why each combination got no more rounds."""
        ...


class BaselineError(UiebenchError):
    """The baseline could not answer, so there is nothing to compare with."""

    failed = True


@dataclass(frozen=True)
class Options:
    """What the command line adds to a suite file."""

    suite: str
    checkpoint: str = "mini"  # or base, or a directory
    device: str = "cpu"
    threads: int = 1
    seed: int = 0
    plugins: tuple[Path, ...] = ()
    directory: Path = field(default=Path("runs"))
    command: str = ""
    budget_s: float | None = None  # wall time of the whole run
    only: tuple[str, ...] = ()  # patterns or short forms of combinations; the baseline and stock are always measured
    skip: tuple[str, ...] = ()
    include: tuple[str, ...] = ()  # combinations in addition to the suite's own
    partner: str = STOCK  # what rounds are timed against, by its name in a report
    fresh: bool = False  # do not resume an interrupted run
    format: str | None = None  # of the files of texts, instead of the suite's
    peer_python: Path | None = None  # the interpreter of the environment that peers run in


@dataclass(frozen=True)
class Ablation:
    """A checked suite, ready to run; nothing has been started yet."""

    options: Options
    path: Path
    suite: Suite
    plan: tuple[Planned, ...]
    examples: tuple[Example, ...]  # those timed
    compared: tuple[Example, ...]  # others, only compared
    unpadded: frozenset[str] = frozenset()  # combinations that pad less than the baseline does

    @property
    def rounds(self) -> int:
        """The rounds of the whole run, for all combinations."""
        measure = self.suite.measure
        return len(self.plan) * measure.rounds + most_confirming(self.plan, measure)

    @property
    def token_s(self) -> float:
        """The time that a token of a row is assumed to take, in seconds."""
        return MINI_TOKEN_S if self.options.checkpoint == "mini" else TOKEN_S

    def passes(self, *, padded: bool) -> Passes:
        """The time that answering the texts is assumed to take, padded as by the baseline or not at all."""
        return Passes.over(self.examples, self.compared, self.token_s, padded=padded)

    @property
    def estimate_s(self) -> float:
        """About how long the run takes, from the assumed times of a start and of a token."""
        measure, padded, stock = self.suite.measure, self.passes(padded=True), self.passes(padded=False)
        total = START_S + padded.timed_s + padded.compared_s
        for planned in self.plan:
            if planned.reason is None:
                own = stock if planned.combination in self.unpadded else padded
                scenarios = [cell.scenario for cell in planned.cells]
                first, later = (
                    round_s(
                        own,
                        stock,
                        scenarios,
                        measure.passes,
                        optimizations=count_of(planned.combination),
                        first=first,
                        starts=measure.starts,
                    )
                    for first in (True, False)
                )
                total += first + (measure.rounds - 1) * later
        fastest = stock if self.unpadded - {STOCK} else padded
        confirming = most_confirming(self.plan, measure)
        most = max(count_of(planned.combination) for planned in self.plan)
        return total + confirming * round_s(fastest, stock, ["single_stream"], measure.passes, optimizations=most)


def prepare(options: Options, warn: Warn = warnings.warn) -> Ablation:
    """Read and check everything that a run needs, without starting anything.

    Args:
        options: of the run.
        warn: called with what was left out of a file of texts, and with targets that the suite cannot decide.

    Raises:
        SuiteError: the suite, an optimization or a plugin.
        InputError: the texts or the options.
        CheckpointError: the checkpoint's directory; its weights are read when they are needed.
        PlatformError: runs need Linux.
    """
    if sys.platform != "linux":
        raise PlatformError(
            f"`run` measures memory and processes through Linux's /proc, and this is {sys.platform}; use a Linux "
            "machine or a container there (`extract` works here)"
        )
    if not is_embedded(options.checkpoint):
        Checkpoint.open(find_checkpoint(options.checkpoint))
    path = find_suite(options.suite)
    suite = with_texts(including(read_suite(path), options.include), path.parent, options.format)
    rules_of(suite.measure)  # reports an unknown stopping rule before anything is measured
    optimizations = find_optimizations(options.plugins)
    plan = _chosen(plan_cells(suite, optimizations, options.device), options.only, options.skip)
    plan = with_peers(plan, options.peer_python, warn)
    check_effects(suite, plan)
    timed, compared = choose(suite.texts, warn)
    for said in untold(suite, len({one.text for one in timed}), options.device):
        warn(said)
    unpadded = frozenset(one.combination for one in plan if _is_unpadded(one.combination, optimizations))
    return Ablation(options, path, suite, tuple(plan), timed, compared, unpadded)


def _is_unpadded(combination: str, optimizations: Mapping[str, Optimization[Any]]) -> bool:
    """Whether a combination is stock, a peer, or has an optimization of the input stage."""
    return (
        combination == STOCK
        or is_peer(combination)
        or any(one.stage == Stage.INPUT for one, _ in parse(combination, optimizations))
    )


def _chosen(plan: list[Planned], only: tuple[str, ...], skip: tuple[str, ...]) -> list[Planned]:
    names = [planned.combination for planned in plan]
    wanted = {*(_matching(names, only) if only else names)} - _matching(names, skip) | {BASELINE, STOCK}
    return [planned for planned in plan if planned.combination in wanted]


def _matching(names: Sequence[str], asked: Iterable[str]) -> set[str]:
    """The combinations that short forms and patterns stand for."""
    forms, found = short_forms(names), set[str]()
    for pattern in asked:
        matching = [forms.full(pattern)] if is_short(pattern) else fnmatch.filter(names, pattern)
        if not matching:
            raise InputError(f"{unknown('combination', pattern, names)}; * stands for any characters")
        found.update(matching)
    return found


def execute(
    ablation: Ablation,
    progress: Callable[[str, int], None],
    *,
    executor_of: Callable[[Settings], MeasuringExecutor] = LocalExecutor,
    rounds_of: Callable[[Header], EndingRounds] | None = None,
    warn: Warn = warnings.warn,
) -> Path:
    """Run it.

    Args:
        ablation: what to run.
        progress: called before a round with its combination and the number of rounds left.
        executor_of: makes the executor that measures rounds.
        rounds_of: makes the object that chooses them; None to follow the suite.
        warn: called if the same run cannot be resumed because another process is making it.

    Returns:
        The run's directory, ``runs/ID``.

    Raises:
        BaselineError: the baseline cannot answer.
        UiebenchError: the checkpoint or the device cannot be used.
    """
    options, started = ablation.options, time.monotonic()
    key, cells = _key(ablation), {planned.combination: len(planned.cells) for planned in ablation.plan}
    begun = None if options.fresh else unfinished_run(options.directory, key, warn)
    directory = begun or new_directory(options.directory, ablation.path.stem)
    with held(directory):
        executor, store = executor_of(settings_of(ablation, directory)), Store(directory)
        progress("the baseline's answers", ablation.rounds)
        if begun:
            done, reference = go_on(begun, cells), read_reference(begun)
        else:
            done, reference = [], begin(ablation, executor, store, key)
        header, _ = read_run(directory, lambda _: None)
        if rounds_of is not None:
            rounds = rounds_of(header)
        else:
            until = None if options.budget_s is None else started + options.budget_s
            chance, sd = random.Random(options.seed), assumed_sd(header.environment)
            rounds = Schedule(ablation.plan, ablation.suite.measure, chance, assumed_sd=sd, until=until)
        records = run(rounds, executor, reference, append=store.append, done=done, progress=progress)
        store.append(Finished(rounds.ends(records), time.monotonic() - started))
    if problem := broken(records):
        raise BaselineError(
            f"stopped early: {problem}; what was measured is in {str(directory)!r} (`uiebench report` shows it), and "
            f"what the processes said in {str(directory / 'logs')!r}"
        )
    return directory


def settings_of(ablation: Ablation, directory: Path) -> Settings:
    """The settings that all rounds of a run in a directory share."""
    options, measure = ablation.options, ablation.suite.measure
    return Settings(
        checkpoint=str(find_checkpoint(options.checkpoint).resolve()),
        device=options.device,
        threads=options.threads,
        plugins=tuple(str(path.resolve()) for path in options.plugins),
        examples=ablation.examples + ablation.compared,
        timed=len(ablation.examples),
        passes=measure.passes,
        starts=measure.starts,
        timeout_s=measure.timeout_s,
        keep_heap=measure.keep_heap,
        # Not resolved: an environment's interpreter is a link, and finds its environment by its own path.
        peer_python=None if options.peer_python is None else str(options.peer_python.absolute()),
        logs=(directory / "logs").resolve(),  # a plugin may change a worker's working directory
    )


def begin(ablation: Ablation, executor: MeasuringExecutor, store: Store, key: str) -> Reference:
    """Get the baseline's answers and write the first files of a run; the header comes last."""
    options, directory = ablation.options, store.path.parent
    shutil.copyfile(ablation.path, directory / "suite.toml")
    reference, facts = _reference(executor)
    write_reference(directory, ablation.examples + ablation.compared, reference)
    store.append(
        Header(
            version=RECORD_VERSION,
            suite=ablation.path.stem,
            key=key,
            command=options.command,
            partner=options.partner,
            seed=options.seed,
            device=options.device,
            checkpoint=options.checkpoint,
            texts=[example.id for example in ablation.examples],
            text_characters=[len(example.text) for example in ablation.examples],
            asked=msgspec.to_builtins(ablation.suite.texts),
            f1_margin=ablation.suite.measure.f1_margin,
            targets=ablation.suite.targets.limits(),
            exact={planned.combination: planned.exact for planned in ablation.plan},
            environment={**environment(), **_spread_here(options), "threads": options.threads, "worker": facts},
            looks=max(1, len(rules_of(ablation.suite.measure).looks)),
        )
    )
    return reference


def _spread_here(options: Options) -> dict[str, float]:
    found = between_process_sd(options.device, options.threads)
    return {} if found is None else {MACHINE_SD: found}


def _key(ablation: Ablation) -> str:
    options = ablation.options
    decides = (
        RECORD_VERSION,
        msgspec.to_builtins(ablation.suite),
        [planned.combination for planned in ablation.plan],
        msgspec.to_builtins(ablation.examples + ablation.compared),
        (options.device, options.threads, options.seed, options.partner),
        *([] if options.peer_python is None else [str(options.peer_python.absolute())]),
    )
    return run_key(decides, find_checkpoint(options.checkpoint).resolve(), options.plugins)


def new_directory(parent: Path, suite: str) -> Path:
    """Create the directory of a new run.

    Raises:
        InputError: it cannot be made.
    """
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
    try:
        for name in (f"{stamp}-{suite}", *(f"{stamp}-{suite}-{i}" for i in range(2, 100))):
            if not (parent / name).exists():
                (parent / name / "logs").mkdir(parents=True)
                return parent / name
    except OSError as error:
        raise InputError(f"cannot make a run directory in {str(parent)!r}: {error}; name another with --runs") from None
    raise SuiteError(f"{str(parent)!r} holds a hundred runs of this second; name another with --runs")


def _reference(executor: MeasuringExecutor) -> tuple[Reference, dict[str, Any]]:
    try:
        return executor.reference()
    except WorkerError as error:
        if error.kind == "input":
            raise UiebenchError(str(error)) from None
        raise BaselineError(f"the baseline cannot answer ({error.kind}): {error}") from None
