"""Python processes of ours: their modules come from our code, the standard library and what is installed.

The working directory is not looked in. It is the user's, and a `queue.py` or `random.py` there is not a library's.
`python -m` looks there first, and an empty entry of PYTHONPATH means it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

_PACKAGES = Path(__file__).parents[2]  # where `harness` and `optimizations` lie, for a bare checkout

# The standard library comes first, which nothing is to hide; then a revision's code, what PYTHONPATH names, and ours;
# and last what is installed, which may be another uiebench.
_PROGRAM = """
import os, runpy, sys
named = [os.path.abspath(path) for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
rest = [path for path in sys.path if path not in named]
installed = ("site-packages", "dist-packages")
at = next((i for i, path in enumerate(rest) if path.endswith(installed)), len(rest))
sys.path[:] = [*rest[:at], *{code!r}, *named, {ours!r}, *rest[at:]]
runpy.run_module({module!r}, run_name="__main__", alter_sys=True)
"""


def command(module: str, arguments: Sequence[str], code: Path | None = None) -> list[str]:
    """What runs a module as `python -m` does, without the working directory.

    Args:
        module: its name.
        arguments: of the program.
        code: a checkout whose code comes before this one's.
    """
    before = [] if code is None else [str(code), str(code / "src")]
    program = _PROGRAM.format(code=before, ours=str(_PACKAGES), module=module)
    return [sys.executable, "-P", "-c", program, *arguments]


def environment() -> dict[str, str]:
    """This process's environment, in which PYTHONPATH names no working directory by an empty entry."""
    path = os.pathsep.join(filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)))
    return {**os.environ, "PYTHONPATH": path}
