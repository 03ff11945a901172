"""Python processes that import only our code, the standard library and installed packages.

They do not import from the working directory: it is the user's, and may hold a `queue.py` or a `random.py`.
`python -m` searches it first, and an empty entry of PYTHONPATH means it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

_PACKAGES = Path(__file__).parents[2]  # holds `harness` and `optimizations`, for a checkout that is not installed

# The standard library comes first, so that nothing hides it; then a revision's code, the entries of PYTHONPATH and our
# code; installed packages come last, since they may include another uiebench.
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
    """A command that runs a module as `python -m` does, without the working directory.

    Args:
        module: its name.
        arguments: of the program.
        code: a checkout whose code takes precedence over this one's.
    """
    before = [] if code is None else [str(code), str(code / "src")]
    program = _PROGRAM.format(code=before, ours=str(_PACKAGES), module=module)
    return [sys.executable, "-P", "-c", program, *arguments]


def environment() -> dict[str, str]:
    """This process's environment, with empty entries removed from PYTHONPATH."""
    path = os.pathsep.join(filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)))
    return {**os.environ, "PYTHONPATH": path}
