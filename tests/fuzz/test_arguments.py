"""Every command of the command line with wrong, hostile and missing arguments."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest
from fuzzing import Fuzz
from in_process import ends_well, uiebench
from mutations import text
from sound_files import write_sound
from typer.main import get_command

from harness import doctor
from harness.cli.app import app
from harness.doctor import Finding
from harness.embedded.cache import VARIABLE

# What each command is given where nothing is broken; what would take minutes is a dry run.
SOUND = {
    "extract": ["支持卫星通话", "--schema", '{"功能": null}', "--checkpoint", "golden"],
    "run": ["quick", "--dry-run"],
    "selfcheck": ["--dry-run"],
    "doctor": ["--checkpoint", "golden"],
    "report": ["run", "--format", "csv"],
    "chart": ["run", "--kind", "ratio", "--output", "chart.svg"],
    "compare": ["run", "run"],
    "recommend": ["run"],
    "tune": ["--dry-run"],
    "evaluate": ["--data", "texts.jsonl", "--checkpoint", "golden"],
    "train": ["made", "--blocks", "1"],
    "list": [],
    "gate": ["--rules", "rules.toml", "--against", "baseline.jsonl", "--dry-run"],
    "gate init": ["--no-baseline"],
    "baseline update": ["new.jsonl", "--run", "run"],
    "baseline show": ["baseline.jsonl"],
    "baseline diff": ["baseline.jsonl", "baseline.jsonl"],
    "cache list": [],
    "cache clear": [],
    "data check": ["texts.jsonl"],
}
# Stands last, so that nothing that was broken before it takes it away.
ALWAYS = {
    **{command: ["--dry-run"] for command in ("run", "selfcheck", "tune", "gate")},
    "gate init": ["--no-baseline"],
}
PLAIN = ("x", "1", "-1", "0", "1e9", "nan", "inf", "5s", "2GiB", "９GiB", "9" * 400 + "GiB", "9" * 400 + "h", "cuda:99")
NAMED = ("run", "golden", "texts.jsonl", "rules.toml", "baseline.jsonl", "plugin.py", "folder", ".", "no.toml")


@dataclass(frozen=True)
class Line:
    """A command line with something broken."""

    command: str
    arguments: list[str]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, golden: Path) -> Path:
    """A directory with one sound file of each kind."""
    directory = tmp_path_factory.mktemp("arguments")
    write_sound(directory, golden)
    (directory / "plugin.py").write_text("raise SystemExit(7)\n")
    (directory / "folder").mkdir()
    return directory


@pytest.fixture(autouse=True)
def nothing_takes_long(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No process is started, nothing is trained, and the cache that is cleared is nobody's."""
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(doctor, "_try", lambda *_: Finding("tried", "fine", ""))
    monkeypatch.setattr("harness.training.mini.make", lambda *_: None)


def options(name: str) -> list[Any]:
    """What a command takes."""
    command: Any = get_command(app)
    for part in name.split():
        command = command.commands[part]
    return list(command.params)


def written(random: Random) -> str:
    """What a user, or an enemy, may have written for an argument; a process takes no NUL and no lone surrogate."""
    found = random.choice((*PLAIN, *NAMED, text(random), text(random)))
    return found.replace("\0", "").encode("utf-8", "replace").decode()[:50_000]


def with_option(random: Random, command: str) -> list[str]:
    """One of a command's options, or one that none has, and what somebody wrote behind it."""
    names = {name: one for one in options(command) if one.param_type_name == "option" for name in one.opts}
    name = random.choice([*names, "--no-such-option", "-x"])
    one = names.get(name)
    flag = one is not None and one.is_flag
    return [name, *([] if flag else [written(random) for _ in range(one.nargs if one else 1)])]


def line(random: Random) -> Line:
    """One command with one or two things broken."""
    command = random.choice(list(SOUND))
    arguments = list(SOUND[command])
    for _ in range(random.choice((1, 1, 2))):
        kind = random.randrange(6)
        at = random.randrange(len(arguments)) if arguments else None
        if kind == 0 and at is not None:
            arguments[at] = written(random)
        elif kind == 1 and at is not None:
            del arguments[at]
        elif kind == 2:
            arguments.insert(random.randrange(len(arguments) + 1), written(random))
        else:
            arguments += with_option(random, command)
    return Line(command, [*arguments, *ALWAYS.get(command, [])])


def test_no_command_line_ends_in_a_traceback(fuzz: Fuzz, here: Path, tmp_path: Path) -> None:
    def call(broken: Line) -> None:
        place = tmp_path / "here"
        shutil.copytree(here, place, symlinks=True)
        try:
            ends_well([*broken.command.split(), *broken.arguments], place)
        finally:
            shutil.rmtree(place)

    fuzz(70, line, call)


@pytest.mark.parametrize("command", SOUND)
def test_what_is_broken_was_sound_before(command: str, here: Path, tmp_path: Path) -> None:
    shutil.copytree(here, tmp_path, symlinks=True, dirs_exist_ok=True)
    done = uiebench(*command.split(), *SOUND[command], cwd=tmp_path)
    assert done.returncode == 0, done
