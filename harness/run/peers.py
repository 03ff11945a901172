"""A peer's process: the interpreter, the file that it runs, and why it cannot run."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.plan.cells import Planned
from harness.record import is_peer
from harness.run.texts import Warn

_OLDEST = (3, 10)  # the oldest Python that the peer's side supports
_ASKED = "import sys; sys.stdout.write('uiebench asks %d %d' % sys.version_info[:2])"
_TELLING = b"uiebench asks "
_PATIENCE_S = 30.0  # for the interpreter's version, even from a cold disk
_FOREIGN = ("PYTHONPATH", "PYTHONHOME")  # they lead to modules of this environment

# A peer can import our package's modules, but nothing installed beside them, and nothing from the working directory.
_PROGRAM = """
import sys, types
sys.path[:] = [path for path in sys.path if path]
ours = sys.modules["harness"] = types.ModuleType("harness")
ours.__path__ = [{ours!r}]
from harness.peers._worker import main
main(int(sys.argv[1]), int(sys.argv[2]), {file!r})
"""


@dataclass(frozen=True)
class Launch:
    """How a peer's process is started."""

    python: str
    file: Path  # the peer's
    threads: int
    directory: Path  # its working directory, which it may write to

    def command(self, arguments: Sequence[str]) -> list[str]:
        """The program with its arguments."""
        program = _PROGRAM.format(ours=str(Path(__file__).parents[1]), file=str(self.file))
        return [self.python, "-c", program, *arguments]

    def environment(self) -> dict[str, str]:
        """This process's environment without the variables that lead to our modules, with the number of threads."""
        rest = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
        return {**rest, "OMP_NUM_THREADS": str(self.threads)}


def with_peers(plan: Sequence[Planned], python: Path | None, warn: Warn) -> list[Planned]:
    """The plan with its peers to be run by an interpreter, or with the reason why they cannot be.

    Args:
        plan: of a suite.
        python: the value of `--peer-python`.
        warn: called for each peer that will not run.
    """
    peers = [planned for planned in plan if is_peer(planned.combination)]
    if not peers:
        if python is not None:
            warn("--peer-python: the suite has no peer; add one (--with peer:NAME), or run the suite `peers`")
        return list(plan)
    fault = None if python is None else interpreter_fault(python)
    ready = {
        planned.combination: planned if python is None else replace(planned, reason=None, fault=fault)
        for planned in peers
    }
    for name, planned in ready.items():
        if why := planned.reason or planned.fault:
            warn(f"{name} will not run: {why}")
    return [ready.get(planned.combination, planned) for planned in plan]


def interpreter_fault(python: Path) -> str | None:
    """Why a file is not the Python interpreter of a peer's environment, or None."""
    where = f"--peer-python {str(python)!r}"
    todo = "name the interpreter of the peer's environment, like ENVIRONMENT/bin/python"
    if python.is_dir():
        return f"{where} is a directory; {todo}"
    if not python.exists():
        return f"{where} does not exist; {todo}"
    if not os.access(python, os.X_OK):
        return f"{where} is not executable; {todo}"
    try:
        said = _said(str(python.absolute()))
    except OSError as error:
        return f"{where} cannot be run: {error.strerror or error}; {todo}"
    words = said.removeprefix(_TELLING).split()
    if not said.startswith(_TELLING) or len(words) != len(_OLDEST) or not all(word.isdigit() for word in words):
        return f"{where} is not a Python interpreter: asked for its version it said {said[:40]!r}; {todo}"
    version = tuple(map(int, words))
    if version < _OLDEST:
        return f"{where} is Python {version[0]}.{version[1]}, and a peer takes {_OLDEST[0]}.{_OLDEST[1]} or newer"
    return None


def _said(python: str) -> bytes:
    """The beginning of its output when asked for its version; the program is ended in time, whatever it is.

    Raises:
        OSError: it cannot be started.
    """
    quiet = subprocess.DEVNULL
    process = subprocess.Popen([python, "-c", _ASKED], stdin=quiet, stdout=subprocess.PIPE, stderr=quiet)
    end = threading.Timer(_PATIENCE_S, process.kill)
    end.start()
    try:
        assert process.stdout is not None
        with process.stdout as out:
            return out.read(len(_TELLING) + 20)
    finally:
        end.cancel()
        process.kill()
        process.wait()
