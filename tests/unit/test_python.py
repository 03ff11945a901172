"""A module in the user's working directory is not taken for a library's, by our command or by our processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.run import python

ROOT = Path(__file__).parents[2]
# Modules of the standard library, of what is installed, and those that Python itself looks for when it starts.
NAMES = ("queue", "random", "typing", "pathlib", "json/__init__", "msgspec", "typer", "sitecustomize", "usercustomize")
JOB = json.dumps({"suite": "demo", "plugins": [], "device": "cpu"})


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A working directory that holds modules with the names of others."""
    (tmp_path / "json").mkdir()
    for name in NAMES:
        (tmp_path / f"{name}.py").write_text(f"raise SystemExit('{name} of the working directory')")
    return tmp_path


@pytest.fixture
def checkout(here: Path) -> Path:
    """The same as a bare checkout."""
    for name in ("harness", "optimizations", "datasets"):
        (here / name).symlink_to(ROOT / name)
    for installed in ("msgspec", "typer"):  # a checkout comes before what is installed
        (here / f"{installed}.py").unlink()
    return here


def ran(command: list[str], directory: Path, **environment: str) -> str:
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=directory, env={**inherited, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def test_our_processes_do_not_look_in_the_working_directory(here: Path) -> None:
    assert '"combinations"' in ran(python.command("harness.gate.planned", (JOB,)), here)


def test_the_command_does_not_either(here: Path) -> None:
    assert "batching" in ran([sys.executable, "-m", "harness", "list"], here, PYTHONPATH=str(ROOT))


def test_a_bare_checkout_is_run_from_its_own_directory(checkout: Path) -> None:
    assert "batching" in ran([sys.executable, "-m", "harness", "list"], checkout)


def test_the_code_that_is_asked_for_comes_before_what_the_environment_names(checkout: Path) -> None:
    found = json.loads(ran(python.command("harness.gate.planned", (JOB,), checkout), checkout, PYTHONPATH=str(ROOT)))
    assert all(file.startswith(str(checkout)) for file in found["files"])


def test_what_the_environment_names_hides_no_standard_module_and_can_be_imported(here: Path) -> None:
    (here / "msgspec.py").unlink()
    for name in ("sitecustomize", "usercustomize"):
        (here / f"{name}.py").unlink()
    (here / "mine.py").write_text(
        "from harness.plugin import Evidence, Stage, optimization\nimport beside\n"
        "@optimization(Stage.GRAPH, exact=True, evidence=lambda _: None)\ndef mine(extractor): return extractor\n"
    )
    (here / "beside.py").touch()
    job = json.dumps({"suite": "demo", "plugins": ["mine.py"], "device": "cpu"})
    for name in ("pathlib", "typing"):  # Python imports these by itself while it starts
        (here / f"{name}.py").unlink()
    assert '"combinations"' in ran(python.command("harness.gate.planned", (job,)), here, PYTHONPATH=str(here))


def test_an_empty_entry_of_the_path_is_not_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(("", "/one", "", "/two", "")))
    assert python.environment()["PYTHONPATH"] == "/one:/two"
    monkeypatch.delenv("PYTHONPATH")
    assert python.environment()["PYTHONPATH"] == ""


def test_who_runs_a_program_of_their_own_that_imports_ours_keeps_their_path(tmp_path: Path) -> None:
    package = tmp_path / "mine"
    package.mkdir()
    (package / "__init__.py").write_text("import harness")
    (package / "__main__.py").write_text("import beside\nprint(beside.FOUND)")
    (tmp_path / "beside.py").write_text("FOUND = 'beside'")
    assert ran([sys.executable, "-m", "mine"], tmp_path, PYTHONPATH=str(ROOT)) == "beside\n"
