"""A revision that is checked out beside its repository leaves nothing there, and takes nothing from it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from harness.gate.worktree import checked_out, find_revision


def git(directory: Path, *arguments: str) -> str:
    names = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    command = ["git", "-C", str(directory), *names, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two commits of a file: old, new."""
    found = tmp_path / "repository"
    found.mkdir()
    git(found, "init", "--quiet", "--initial-branch=main")
    for text in ("old", "new"):
        (found / "file.txt").write_text(text)
        git(found, "add", ".")
        git(found, "commit", "--quiet", f"--message={text}")
    return found


def test_the_index_of_a_commit_that_is_being_made_stays(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = repository / ".git" / "index"
    before = index.read_bytes()
    # As git calls its hooks.
    monkeypatch.setenv("GIT_DIR", str(repository / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(index))
    with checked_out(find_revision("HEAD~1", repository)) as tree:
        assert (tree / "file.txt").read_text() == "old"
    assert index.read_bytes() == before


def test_a_hooks_variables_name_no_other_repository(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = git(repository, "rev-parse", "HEAD").strip()
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    assert find_revision("HEAD", repository).commit == commit


@pytest.mark.parametrize("gone", [False, True])
def test_checkouts_of_others_stay_known_though_they_are_out_of_reach(
    repository: Path, tmp_path: Path, gone: bool
) -> None:
    git(repository, "worktree", "add", "--quiet", "--detach", str(tmp_path / "theirs"))
    (tmp_path / "theirs").rename(tmp_path / "unmounted")
    before = git(repository, "worktree", "list")
    assert "theirs" in before
    with checked_out(find_revision("HEAD~1", repository)) as tree:
        assert str(tree) in git(repository, "worktree", "list")
        if gone:
            shutil.rmtree(tree)
    assert git(repository, "worktree", "list") == before
    assert not tree.parent.exists()
