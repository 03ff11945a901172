"""Another revision of a repository, checked out beside it for as long as a gate needs it."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.errors import InputError

# Checks out, waits for the end of its input, which comes however the gate ends, a kill included, and clears up. The
# repository's other checkouts stay known to it, those too whose directories are out of reach now. Forced twice, it is
# no matter that git locks a checkout while it makes it.
_KEEP = """
trap '' PIPE
if git -C "$1" -c core.hooksPath=/dev/null worktree add --quiet --detach "$2" "$3" && echo; then cat > /dev/null; fi
exec 2> /dev/null
rm -rf "$2"
git -C "$1" worktree remove --force --force "$2"
rmdir "$(dirname "$2")"
"""


@dataclass(frozen=True)
class Revision:
    """A commit of a repository."""

    repository: Path  # its top directory
    commit: str
    written: str  # as the user wrote it


def find_revision(written: str, directory: Path) -> Revision:
    """The commit that a revision names.

    Raises:
        InputError: the directory is in no git repository, or the repository has no such commit.
    """
    top = _git(directory, "rev-parse", "--show-toplevel")
    if top is None:
        raise InputError(
            f"{str(directory)!r} is in no git repository; --against-ref needs one, --against BASELINE does not"
        )
    commit = _git(directory, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{written}^{{commit}}")
    if commit is not None:
        return Revision(Path(top), commit, written)
    if _git(directory, "rev-parse", "--is-shallow-repository") == "true":
        raise InputError(
            f"this clone is shallow and does not hold the revision {written!r}; fetch it (`git fetch --unshallow`, or "
            "fetch-depth: 0 in the checkout step), or compare with --against BASELINE"
        )
    raise InputError(f"there is no revision {written!r} in {top}; `git log` lists those that exist")


@contextmanager
def checked_out(revision: Revision) -> Iterator[Path]:
    """A directory with the revision's files; it and all traces of it in the repository go in any case.

    Raises:
        InputError: git cannot make it.
    """
    directory = Path(tempfile.mkdtemp(prefix="uiebench-gate-")) / "tree"
    keeper = subprocess.Popen(
        ["/bin/sh", "-c", _KEEP, "sh", str(revision.repository), str(directory), revision.commit],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=_environment(),
        start_new_session=True,
    )
    assert keeper.stdout is not None
    made = bool(keeper.stdout.readline())
    try:
        if made:
            yield directory
    finally:
        _, said = keeper.communicate()
    if not made:
        raise InputError(f"git cannot check out {revision.written!r}: {said.strip()}")


def _git(directory: Path, *arguments: str) -> str | None:
    done = _run(directory, *arguments)
    return done.stdout.strip() if done.returncode == 0 else None


def _run(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["git", "-C", str(directory), "-c", "core.hooksPath=/dev/null", *arguments],
            capture_output=True,
            text=True,
            check=False,
            env=_environment(),
        )
    except FileNotFoundError:
        raise InputError("git is not installed, and --against-ref needs it") from None


def _environment() -> dict[str, str]:
    """Without git's own variables: in a hook they name the index and the directory of the commit being made."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
