"""A search from its options to the combination that it names."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace as changed

from harness.analyse.compare import assumed_sd, compare
from harness.analyse.noise import noise
from harness.analyse.rows import Row
from harness.analyse.stats import TIME_PRIOR, Estimate, Prior
from harness.analyse.winner import CONTENDERS
from harness.errors import InputError
from harness.measure.f1 import score
from harness.record import STOCK, Finished, Header, Record, Scores
from harness.run import ablation as runs
from harness.run.ablation import BaselineError, MeasuringExecutor
from harness.run.executors.local import LocalExecutor, Settings
from harness.run.executors.recorded import Reference
from harness.run.reference import read_reference
from harness.run.runner import run
from harness.run.stopping import broken
from harness.run.store import RECORDS, Store, go_on, held, read_run, unfinished_run
from harness.run.texts import Warn
from harness.tune.findings import Findings, beyond, findings, flattery, rows_of
from harness.tune.plan import Prepared, identity_of
from harness.tune.search import Rules, Search
from harness.tune.study import FILE, Outcome, Study

CONFIRMED_IN = "confirm"  # a directory of runs in the search's own
NAME = "tune"
Progress = Callable[[str, int], None]


@dataclass(frozen=True)
class Confirmed:
    """The combination that is named, in fresh rounds on texts that were held back."""

    row: Row
    rounds: int
    texts: int
    flattered: Estimate | None
    directory: Path
    account: Sequence[str]  # whether anything disturbed these rounds


@dataclass(frozen=True)
class Found:
    """What a search came to."""

    directory: Path
    found: Findings
    made: Sequence[Outcome]
    ended: str
    left_out: Mapping[str, str]
    limits: Mapping[str, float]
    texts: int
    winner: Confirmed | None
    unconfirmed: Mapping[str, str]  # what looked best and could not be confirmed, and why

    @property
    def stays(self) -> bool:
        """Whether stock keeps the constraints and nothing is shown to be faster."""
        latency = self.winner.row.latency if self.winner else None
        return STOCK not in self.found.refused and (latency is None or latency.to_stock.verdict != "faster")


def tune(
    prepared: Prepared,
    progress: Progress,
    *,
    executor_of: Callable[[Settings], MeasuringExecutor] = LocalExecutor,
    clock: Callable[[], float] = time.monotonic,
    warn: Warn,
) -> Found:
    """Search, and confirm what was found.

    Args:
        prepared: the search.
        progress: told what begins, and about how many rounds are left.
        executor_of: makes what measures a round.
        clock: seconds.
        warn: told what the user should know and does not stop the search.

    Raises:
        UiebenchError: the baseline cannot answer, or what would go on is not of the same.
    """
    started, options = clock(), prepared.ablation.options
    identity = identity_of(prepared)
    begun = prepared.wanted.resume
    if begun is not None and options.fresh:
        raise InputError("--resume continues a search and --fresh begins a new one; give only one of them")
    if begun is None and not options.fresh:
        begun = unfinished_run(options.directory, identity["key"], warn)
    if begun is not None and not (begun / FILE).is_file():
        raise InputError(f"{str(begun)!r} holds no search: there is no {FILE} in it; use --fresh to begin a new one")
    directory = begun or runs.new_directory(options.directory, NAME)
    with held(directory):
        study = Study(directory, options.seed)
        if begun is not None:
            _check_same(study, identity, begun)
        search, header, records, theirs = _search(
            prepared, directory, study, identity, progress, executor_of=executor_of, clock=clock, started=started
        )
        if problem := broken(records):
            raise BaselineError(
                f"stopped early: {problem}; what the processes said is in {str(directory / 'logs')!r}, and the same "
                "command continues"
            )
        rows = rows_of(header, records, _exact(prepared, records), theirs)
        margin = prepared.measure.f1_margin if prepared.wanted.inexact else None
        found = findings(rows, prepared.wanted.limits, margin)
        unconfirmed: dict[str, str] = {}
        winner = None
        for row in found.candidates[:CONTENDERS]:
            left_s = None if options.budget_s is None else options.budget_s - (clock() - started)
            if left_s is not None and left_s <= 0 and unconfirmed:
                break
            winner, why = _confirm(prepared, directory, row, rows, left_s, progress, executor_of, warn)
            if winner:
                break
            unconfirmed[row.combination] = why
        Store(directory).append(Finished(search.ends(records), clock() - started))
    return Found(
        directory=directory,
        found=found,
        made=search.made,
        ended=search.ended,
        left_out={**prepared.space.left_out, **_dropped(search)},
        limits=prepared.wanted.limits,
        texts=len(prepared.ablation.examples),
        winner=winner,
        unconfirmed=unconfirmed,
    )


def _search(
    prepared: Prepared,
    directory: Path,
    study: Study,
    identity: Mapping[str, Any],
    progress: Progress,
    *,
    executor_of: Callable[[Settings], MeasuringExecutor],
    clock: Callable[[], float],
    started: float,
) -> tuple[Search, Header, list[Record], Scores | None]:
    """Make the rounds of a search, or those that are left of it."""
    ablation, wanted, options = prepared.ablation, prepared.wanted, prepared.ablation.options
    executor, store = executor_of(runs.settings_of(ablation, directory)), Store(directory)
    progress("the baseline's answers", prepared.rounds)
    if store.path.is_file():
        names = [STOCK, *study.outcomes()]
        done, reference = go_on(directory, dict.fromkeys(names, 2)), read_reference(directory)
        once_s = prepared.least_s - (2 + prepared.confirm) * prepared.round_s
    else:
        done, reference = [], runs.begin(ablation, executor, store, identity["key"])
        once_s = clock() - started
    if study.identity is None:
        _know(prepared, study)
        study.begin(identity)
    header, _ = read_run(directory, lambda _: None)
    theirs = _scores(prepared, reference)
    rules = Rules(
        rounds=prepared.measure.rounds,
        limits=wanted.limits,
        inexact=wanted.inexact,
        prior=_prior(header),
        trials=wanted.trials,
        until=None if options.budget_s is None else started + options.budget_s,
        confirm=prepared.confirm,
        once_s=once_s,
        round_s=prepared.round_s,
    )
    search = Search(
        study,
        prepared.space,
        prepared.registry,
        rules,
        prepared.planned,
        lambda planned, own: rows_of(header, own, {planned.combination: planned.exact}, theirs)[0],
        prepared.seeds.first,
        clock,
    )
    try:
        records = run(search, executor, reference, append=store.append, done=done, progress=progress)
    finally:
        _name_all(directory, prepared)
    return search, header, records, theirs


def _confirm(
    prepared: Prepared,
    directory: Path,
    searched: Row,
    rows: Sequence[Row],
    left_s: float | None,
    progress: Progress,
    executor_of: Callable[[Settings], MeasuringExecutor],
    warn: Warn,
) -> tuple[Confirmed | None, str]:
    """Measure a combination anew on the texts that were held back; it is a run of its own, with a report of its own."""
    planned = prepared.planned(searched.combination)
    cells = tuple(cell for cell in planned.cells if cell.scenario == "single_stream")
    own = msgspec.structs.replace(
        prepared.ablation.suite,
        measure=msgspec.structs.replace(prepared.measure, scenarios=("single_stream",), rounds=prepared.confirm),
    )
    options = replace(
        prepared.ablation.options,
        directory=directory / CONFIRMED_IN,
        budget_s=None if left_s is None else max(left_s, 0.0),
        fresh=False,
    )
    ablation = replace(
        prepared.ablation,
        options=options,
        suite=own,
        plan=(replace(planned, cells=cells),),
        examples=prepared.kept_back,
        compared=(),
    )
    where = runs.execute(ablation, progress, executor_of=executor_of, warn=warn)
    header, records = read_run(where, lambda _: None)
    row = compare(header, records)[0][0]
    if row.problem:
        return None, row.problem
    if row.broken and row.exact:
        return None, f"gives another answer than the baseline on {', '.join(one.id for one in row.broken)}"
    if over := beyond(row, prepared.wanted.limits):
        return None, f"{over}, on the texts that were held back"
    assert row.latency is not None
    rounds = len(row.latency.tried.ordinary.values)
    flattered = flattery(rows, searched, row, _prior(header))
    account = noise(records, header.environment.get("cores"))
    return Confirmed(row, rounds, len(prepared.kept_back), flattered, where, account), ""


def _prior(header: Header) -> Prior:
    """How much a round varies, before any are seen."""
    return TIME_PRIOR.at_least(assumed_sd(header.environment))


def _know(prepared: Prepared, study: Study) -> None:
    """Tell a new study what the run showed that it begins with."""
    for name, places in (prepared.seeds.known or {}).items():
        try:
            study.know(prepared.space, prepared.registry, name, places)
        except InputError:  # what cannot be drawn here tells nothing of what can
            continue


def _scores(prepared: Prepared, reference: Reference) -> Scores | None:
    """The baseline's, which inexact combinations are compared with."""
    examples = prepared.ablation.examples + prepared.ablation.compared
    return score(reference.answers, [one.gold for one in examples]) if prepared.wanted.inexact else None


def _exact(prepared: Prepared, records: Sequence[Record]) -> dict[str, bool]:
    names = dict.fromkeys(record.cell.combination for record in records)
    return {name: prepared.planned(name).exact for name in names}


def _name_all(directory: Path, prepared: Prepared) -> None:
    """Let the header name every combination that has rounds, so that `report` shows them."""
    header, records = read_run(directory, lambda _: None)
    lines = [line + b"\n" for line in (directory / RECORDS).read_bytes().split(b"\n")[1:-1]]  # none that is torn
    whole = msgspec.json.encode(changed(header, exact={**header.exact, **_exact(prepared, records)})) + b"\n"
    half = directory / f"{RECORDS}.half"
    half.write_bytes(whole + b"".join(lines))
    half.replace(directory / RECORDS)


def _dropped(search: Search) -> dict[str, str]:
    whys = [one.why for one in search.outcomes.values()]
    return {name: next(why for why in whys if why.startswith(f"skipped: {name}:")) for name in search.dropped}


def _check_same(study: Study, identity: Mapping[str, Any], directory: Path) -> None:
    """See that a search that is to go on is the one that is asked for.

    Raises:
        InputError: it is of something else.
    """
    theirs = study.identity
    if theirs is None or theirs == identity:
        return
    for name, ours in identity.items():
        if name != "key" and theirs.get(name) != ours:
            raise InputError(
                f"the search in {str(directory)!r} is of another {name}: {theirs.get(name)!r}, and this one of "
                f"{ours!r}; give the same options, or leave --resume out for a search of its own"
            )
    raise InputError(
        f"the search in {str(directory)!r} was made by other code, of other weights, with another seed or on another "
        "machine; leave --resume out for a search of its own"
    )
