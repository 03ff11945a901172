"""`uiebench gate` and `uiebench baseline`: what they refuse, and what they exit with."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from in_process import uiebench
from test_extract_command import refused
from typer.testing import CliRunner, Result

from harness.analyse.gate import Finding
from harness.cli.app import app
from harness.gate import gate as gates
from harness.gate.starter import JOBS, template

RULES = '[[rule]]\nmetric = "parity"\n'
FAIL, OPEN, PASS = (
    Finding("r", "batching", verdict, "said", timed=True) for verdict in ("fail", "inconclusive", "pass")
)
SKIPPED = Finding("r", "batching", "skipped", "said")
EXCUSED = Finding("r", "batching", "skipped", "said", excused=True)


def git(directory: Path, *arguments: str) -> None:
    names = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(directory), *names, *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two commits; the first has no rules."""
    found = tmp_path / "repository"
    found.mkdir()
    git(found, "init", "--quiet", "--initial-branch=main")
    git(found, "commit", "--quiet", "--allow-empty", "--message=none")
    (found / "uiebench-gate.toml").write_text(RULES)
    git(found, "add", ".")
    git(found, "commit", "--quiet", "--message=rules")
    return found


def test_what_a_gate_needs_is_named(repository: Path, tmp_path: Path) -> None:
    refused(uiebench("gate", cwd=repository), "give either --against-ref REV or --against BASELINE.jsonl")
    refused(uiebench("gate", "--against", "a", "--against-ref", "b", cwd=repository), "give either")
    refused(uiebench("gate", "--against-ref", "HEAD", cwd=tmp_path), "cannot be read", "`uiebench gate init`")
    refused(uiebench("gate", "--against", "none.jsonl", cwd=repository), "none.jsonl", "baseline update")
    refused(uiebench("gate", "--against", "a", "--write", "junitt=x", cwd=repository), "did you mean 'junit'")
    refused(uiebench("gate", "--against", "a", "--write", "junit", cwd=repository), "names no file")
    (repository / "uiebench-gate.toml").write_text('[[rule]]\nmetric = "p95_ration"\nmax_increase = "5%"\n')
    refused(uiebench("gate", "--against-ref", "HEAD", cwd=repository), "did you mean 'p95_ratio'")


def test_a_revision_that_is_not_there_is_named(repository: Path, tmp_path: Path) -> None:
    refused(uiebench("gate", "--against-ref", "no-such", cwd=repository), "no revision 'no-such'", "git log")
    shallow = tmp_path / "shallow"
    subprocess.run(["git", "clone", "--quiet", "--depth=1", f"file://{repository}", str(shallow)], check=True)
    refused(uiebench("gate", "--against-ref", "HEAD~1", cwd=shallow), "shallow", "fetch-depth: 0", "--against BASELINE")
    (tmp_path / "uiebench-gate.toml").write_text(RULES)
    refused(uiebench("gate", "--against-ref", "HEAD", cwd=tmp_path), "in no git repository")


def test_a_revision_older_than_the_tool_or_without_the_suite_is_named(repository: Path) -> None:
    (repository / "harness").mkdir()
    (repository / "harness" / "__init__.py").write_text("")
    (repository / "uiebench-gate.toml").write_text(f'suite = "own.toml"\n{RULES}')
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "--message=older")
    shutil.rmtree(repository / "harness")  # or it would be what runs here
    done = uiebench("gate", "--against-ref", "HEAD", cwd=repository)
    refused(done, "HEAD (", "another worker protocol", "--against BASELINE")
    refused(uiebench("gate", "--against-ref", "HEAD~1", cwd=repository), "has no file", "own.toml")
    assert subprocess.check_output(["git", "-C", str(repository), "worktree", "list"]).count(b"\n") == 1


def test_a_repository_without_code_that_runs_is_refused(repository: Path) -> None:
    done = uiebench("gate", "--against-ref", "HEAD", cwd=repository)
    refused(done, "both revisions would be the same", "--plugin", "--against BASELINE")


def invoked(
    *arguments: str, findings: Sequence[Finding], monkeypatch: pytest.MonkeyPatch, directory: Path | None
) -> Result:
    Path("uiebench-gate.toml").write_text(RULES)
    judged = gates.Judged(findings, "a baseline", directory)
    monkeypatch.setattr(gates, "against_baseline", lambda *_, **__: judged)
    return CliRunner().invoke(app, ["gate", "--against", "a.jsonl", *arguments])


def run(*arguments: str, findings: Sequence[Finding], monkeypatch: pytest.MonkeyPatch, directory: Path) -> int:
    return invoked(*arguments, findings=findings, monkeypatch=monkeypatch, directory=directory).exit_code


@pytest.mark.parametrize(
    ("findings", "undecided", "status"),
    [
        ([PASS], "exit", 0),
        ([PASS, FAIL, OPEN], "exit", 1),
        ([PASS, OPEN], "exit", 3),
        ([OPEN], "fail", 1),
        ([OPEN], "warn", 0),
        ([OPEN], "pass", 0),
        ([FAIL], "pass", 1),
        ([PASS, SKIPPED], "exit", 3),
        ([PASS, SKIPPED], "warn", 0),
        ([PASS, EXCUSED], "exit", 0),
        ([EXCUSED], "exit", 3),
        ([EXCUSED], "warn", 3),
        ([SKIPPED], "pass", 3),
        ([EXCUSED], "fail", 1),
    ],
)
def test_the_exit_status_says_what_was_found(
    findings: list[Finding], undecided: str, status: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ("--on-inconclusive", undecided)
    assert run(*arguments, findings=findings, monkeypatch=monkeypatch, directory=tmp_path) == status


def test_findings_go_where_ci_looks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "step.md"))
    files = ("--write", "junit=out/gate.xml", "--write", "markdown=out/gate.md")
    assert run(*files, findings=[FAIL], monkeypatch=monkeypatch, directory=tmp_path) == 1
    assert (tmp_path / "out" / "gate.xml").read_text().count("<failure") == 1
    written = {(tmp_path / name).read_text() for name in ("step.md", "out/gate.md", "gate.md")}
    assert len(written) == 1
    assert "| FAIL | r | `batching` | said |" in written.pop()


def test_where_nothing_was_measured_the_status_and_what_needs_no_figures_stay(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    files = ("--write", "pytest-benchmark=figures.json", "--write", "junit=gate.xml")
    done = invoked(*files, findings=[FAIL], monkeypatch=monkeypatch, directory=None)
    assert done.exit_code == 1, done.exception
    assert "figures.json was not written" in done.stderr
    assert not Path("figures.json").exists()
    assert Path("gate.xml").read_text().count("<failure") == 1


def test_init_writes_what_a_gate_reads_and_overwrites_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    done = uiebench("gate", "init", "--no-baseline", "--checkpoint", "my/model", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert 'checkpoint = "my/model"' in (tmp_path / "uiebench-gate.toml").read_text()
    assert (tmp_path / JOBS["github"]).read_text() == template("github.yml")
    refused(uiebench("gate", "init", "--no-baseline", cwd=tmp_path), "uiebench-gate.toml", "not overwritten")
    refused(uiebench("gate", "--against", "none.jsonl", cwd=tmp_path), "none.jsonl")  # the rules are read before it
    other = tmp_path / "other"
    other.mkdir()
    refused(uiebench("gate", "init", "--checkpoint", "mni", cwd=other), "did you mean 'mini'")
    assert list(other.iterdir()) == []
    done = uiebench("gate", "init", "--no-baseline", "--ci", "gitlab", cwd=other)
    assert "include: uiebench.gitlab-ci.yml" in done.stdout


def test_baselines_are_shown_and_compared(tmp_path: Path) -> None:
    refused(uiebench("baseline", "show", "none.jsonl", cwd=tmp_path), "none.jsonl")
    refused(uiebench("baseline", "update", "b.jsonl", cwd=tmp_path), "uiebench-gate.toml", "gate init")
    (tmp_path / "a.jsonl").write_text(json.dumps({"version": 7}))
    refused(uiebench("baseline", "diff", "a.jsonl", "a.jsonl", cwd=tmp_path), "version 7")


PLUGIN = """
from harness.plugin import Evidence, Stage, optimization


@optimization(Stage.INPUT, exact=True, evidence=lambda _: Evidence("mine", active=True, summary="it is"))
def mine(extractor):
    \"\"\"Change nothing.\"\"\"
    return extractor
"""


def test_the_plugins_of_the_rules_lie_beside_them(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(PLUGIN)
    (tmp_path / "suite.toml").write_text('[texts]\ndatasets = ["article"]\n[combinations]\ninclude = ["mine"]\n')
    refused(uiebench("gate", "init", "--no-baseline", "--plugin", "gone.py", cwd=tmp_path), "gone.py")
    assert not (tmp_path / "uiebench-gate.toml").exists()
    done = uiebench("gate", "init", "--no-baseline", "--plugin", "mine.py", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "The suite `gate` has no combination of the plugins" in done.stdout
    rules = tmp_path / "uiebench-gate.toml"
    rules.write_text(rules.read_text().replace('suite = "gate" ', 'suite = "suite.toml"'))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = uiebench("baseline", "update", "b.jsonl", "--rules", rules, "--dry-run", cwd=elsewhere)
    assert done.returncode == 0, done.stderr
    rules.write_text(rules.read_text().replace("mine.py", "gone.py"))
    refused(uiebench("baseline", "update", "b.jsonl", "--rules", rules, "--dry-run", cwd=elsewhere), "gone.py")
