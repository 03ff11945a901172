"""The command line in the tests' own process: a new one takes a second to come up."""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from harness.cli import main

ROOT = Path(__file__).parents[1]


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
