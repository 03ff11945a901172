"""`uiebench gate`: checks rules against another revision or a committed baseline."""

from __future__ import annotations

import os
import shlex
import sys
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli import FAILED, INCONCLUSIVE, OK, warn
from harness.cli.options import Runs, Seed, Threads
from harness.cli.out import beneath
from harness.cli.progress import with_progress
from harness.errors import InputError
from harness.gate import starter
from harness.units import parse_duration

if TYPE_CHECKING:
    from harness.analyse.rules import Rules
    from harness.gate.gate import Judged
    from harness.report.formats import Format
    from harness.run.ablation import Options

RULES = Path(starter.RULES)
gate = typer.Typer(help="Stop a change that makes the extractor slower, larger or wrong.", rich_markup_mode=None)


class Undecided(StrEnum):
    """What an inconclusive gate means."""

    exit = "exit"
    fail = "fail"
    warn = "warn"
    # "pass" is a word of Python's own
    pass_ = "pass"


_STATUS = {Undecided.exit: INCONCLUSIVE, Undecided.fail: FAILED, Undecided.warn: OK, Undecided.pass_: OK}


@gate.callback(invoke_without_command=True)
def judge(
    context: typer.Context,
    rules: Annotated[Path, typer.Option(help="TOML file with [[rule]] tables.")] = RULES,
    against: Annotated[Path | None, typer.Option(help="A committed baseline, NAME.jsonl.")] = None,
    against_ref: Annotated[str | None, typer.Option(help="A git revision to time side by side with this tree.")] = None,
    budget: Annotated[str | None, typer.Option(help="Wall time, like 20m; undecided rules are then open.")] = None,
    on_inconclusive: Annotated[
        Undecided, typer.Option(help="What an undecided rule means: exit (status 3), fail (1), pass or warn (0).")
    ] = Undecided.exit,
    write: Annotated[
        list[str] | None, typer.Option(help="FORMAT=FILE, like junit=gate.xml (see `uiebench list`); repeatable.")
    ] = None,
    plugin: Annotated[list[Path] | None, typer.Option(help="More files with optimizations; repeatable.")] = None,
    threads: Threads = 1,
    seed: Seed = 0,
    runs: Runs = Path("runs"),
    allow_skipped: Annotated[
        bool, typer.Option("--allow-skipped", help="Pass even if some rules (but not all) cannot be judged.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything; measure nothing.")] = False,
) -> None:
    """Judge every rule. Exit status: 0 if all pass, 1 if one fails, 3 if one is undecided or skipped.

    With --against-ref, both revisions run in every round, so that small changes in time are detected. With --against,
    answers, F1, memory and completeness are judged on any machine; times only on the baseline's kind of device.
    """
    if context.invoked_subcommand is not None:
        return
    if (against is None) == (against_ref is None):
        raise InputError("give either --against-ref REV or --against BASELINE.jsonl")
    wanted = [_wanted(one) for one in write or ()]
    from harness.gate.gate import against_baseline, against_revision
    from harness.gate.worktree import find_revision

    read, options = read_options(rules, plugin, threads, seed, runs)
    options = replace(options, budget_s=None if budget is None else parse_duration(budget))
    work = _only_say if dry_run else with_progress
    if against_ref is not None:
        judged = against_revision(
            read, find_revision(against_ref, Path.cwd()), options, work, allow_skipped=allow_skipped
        )
    else:
        assert against is not None
        judged = against_baseline(read, against, options, work, allow_skipped=allow_skipped)
    raise typer.Exit(OK if dry_run and not judged.findings else _tell(judged, wanted, on_inconclusive))


def _only_say(rounds: int, _: object) -> None:
    print(f"The rules can be judged, in up to {rounds} rounds. Nothing was measured.")


def read_options(rules: Path, plugins: list[Path] | None, threads: int, seed: int, runs: Path) -> tuple[Rules, Options]:
    """Read the rules, and the options to run their suite with."""
    from harness.analyse.rules import read_rules
    from harness.run.ablation import Options

    read = read_rules(rules)
    return read, Options(
        suite=read.suite if not read.suite.endswith(".toml") else str(rules.parent / read.suite),
        checkpoint=read.checkpoint,
        device=read.device,
        threads=threads,
        seed=seed,
        plugins=(*(rules.parent / name for name in read.plugins), *(plugins or ())),
        directory=runs,
        command=shlex.join(["uiebench", *sys.argv[1:]]),
        fresh=True,
    )


def _wanted(written: str) -> tuple[Format, Path]:
    from harness.report.formats import find_format

    name, _, file = written.partition("=")
    found = find_format(name, lambda one: one.for_gates)
    if not file:
        raise InputError(f"--write {written!r} names no file; write {name}=FILE")
    return found, Path(file)


def _tell(judged: Judged, wanted: list[tuple[Format, Path]], undecided: Undecided) -> int:
    from harness.analyse.verdict import judged_anything, outcome
    from harness.report.ci import annotations, words

    print(*words.console(judged.findings, judged.against), sep="\n")
    summary = words.markdown(judged.findings, judged.against)
    if judged.directory:
        (judged.directory / "gate.md").write_text(summary, encoding="utf-8")
        print(f"Report: {judged.directory / 'gate.md'}")
    if os.environ.get("GITHUB_ACTIONS") == "true":
        print(*annotations.render(judged.findings), sep="\n", file=beneath(sys.stdout))
        if step := os.environ.get("GITHUB_STEP_SUMMARY"):
            with Path(step).open("a", encoding="utf-8") as file:
                file.write(summary)
    for form, path in wanted:
        _write(form, path, judged)
    open_status = _STATUS[undecided]
    if not judged_anything(judged.findings):  # that is no pass, whatever an open rule comes to
        open_status = open_status or INCONCLUSIVE
    return {"pass": OK, "fail": FAILED, "inconclusive": open_status}[outcome(judged.findings)]


def _write(form: Format, path: Path, judged: Judged) -> None:
    """Write a file; one that cannot be written is named, and the verdict stands."""
    from harness.report.formats import FormatError

    try:
        text = _rendered(form, judged)
    except FormatError as error:
        warn(f"{path} was not written: {error}")
        return
    if text is None:
        warn(f"{path} was not written: nothing was measured, so there are no figures for {form.name}")
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _rendered(form: Format, judged: Judged) -> str | None:
    """The text of a file; None if it needs figures and nothing was measured."""
    from harness.analyse.compare import compare
    from harness.report.formats import Gate, Run, not_counted
    from harness.run.store import read_run

    made = datetime.now(UTC)
    if form.of_gate is not None:
        return form.of_gate(Gate(judged.findings, judged.against, made))
    if judged.directory is None:
        return None
    header, records = read_run(judged.directory, lambda _: None)
    rows, _ = compare(header, records)
    for said in not_counted(rows):
        warn(f"left out of {form.name}: {said}")
    assert form.of_sound is not None
    return form.of_sound(Run(header, records, rows, made).sound)
