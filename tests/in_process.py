"""The command line in the tests' own process: a new one takes a second to come up."""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping, Sequence
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from subprocess import CompletedProcess
from unittest.mock import patch

import pytest

from harness.cli import main

ROOT = Path(__file__).parents[1]
STATUSES = (0, 1, 2, 3)


def uiebench(*arguments: str | Path, cwd: Path = ROOT, env: Mapping[str, str] | None = None) -> CompletedProcess[str]:
    """What a process of `uiebench` with these arguments would print, and its exit status."""
    out, error = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patched, chdir(cwd), redirect_stdout(out), redirect_stderr(error):
        patched.setattr(sys, "argv", ["uiebench", *map(str, arguments)])
        for name, value in (env or {}).items():
            patched.setenv(name, value)
        with pytest.raises(SystemExit) as ended:
            main()
    assert isinstance(ended.value.code, int)
    return CompletedProcess(sys.argv, ended.value.code, out.getvalue(), error.getvalue())


def ends_well(arguments: Sequence[str | Path], cwd: Path) -> None:
    """A command may fail, but as commands do: with a status, and a message where the user is to mend something.

    None is let start a worker, which would take seconds.
    """
    with patch("harness.run.process.WorkerProcess.__init__", side_effect=AssertionError("a worker was started")):
        done = uiebench(*arguments, cwd=cwd)
    assert done.returncode in STATUSES, done
    assert "Traceback" not in done.stderr + done.stdout, done
    if done.returncode == 2:
        assert done.stderr.strip(), done
