"""A worker process seen from its parent: ask, wait without spinning, and end it in time."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Literal, TypeAlias

from harness.run import protocol as say

_TAIL_LINES = 6  # of the worker's own output, in the error of a crash
_TOO_LONG = (
    "the worker did not answer within the round's time limit and was ended; raise timeout_s in the suite ([measure]) "
    "if a request may take as long"
)
_CHUNK = 1 << 16
Heap: TypeAlias = Literal["default", "kept", "returned"]  # what happens to memory that a process frees
# To glibc, in bytes: from where on the heap's free end is given back, and what is allocated outside of it. Left to
# itself it raises both while the process runs. Other C libraries take no notice, and an old glibc (2.26, say; not 2.36)
# none of a second value above 32 MiB.
_THRESHOLDS: dict[Heap, int] = {"kept": 1 << 30, "returned": 128 << 10}
_PACKAGES = Path(__file__).parents[2]  # where `harness` and `optimizations` lie, for a bare checkout


class WorkerError(Exception):
    """The worker broke; ``kind`` is crash, timeout, or what it said itself."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class WorkerProcess:
    """One worker; every call ends by the deadline (of `time.monotonic`)."""

    def __init__(self, log: Path, deadline: float, code: Path | None = None, *, heap: Heap = "default") -> None:
        """Spawn it.

        Args:
            log: where its own output goes.
            deadline: of `time.monotonic`.
            code: a checkout whose code it runs instead of this one's.
            heap: whether it keeps the memory that it frees, gives it back at once, or does as the C library likes.
        """
        commands, self._commands = os.pipe()
        self._replies, replies = os.pipe()
        os.set_blocking(self._commands, False)
        self._buffer = b""
        self._closed = False
        self._log = log
        self._deadline = deadline
        # Idle OpenMP threads must sleep: a spinning one slows whatever else runs.
        environment = {"OMP_WAIT_POLICY": "passive", **os.environ, "PYTHONPATH": python_path(code)}
        if heap in _THRESHOLDS:
            names = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_")
            environment |= dict.fromkeys(names, str(_THRESHOLDS[heap]))
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "harness.run.worker", str(commands), str(replies)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                cwd=code,  # Python looks there first
                pass_fds=(commands, replies),
                start_new_session=True,  # Ctrl-C reaches the parent alone, which then ends its workers
            )
        os.close(commands)
        os.close(replies)

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def ask(self, command: say.Command, expected: type[say.R]) -> say.R:
        """Send a command and wait for its reply.

        Raises:
            WorkerError: the worker crashed, hung past the deadline, or could not do it.
        """
        self.tell(command)
        return self.hear(expected)

    def tell(self, command: say.Command) -> None:
        """Send a command and go on; replies are heard in the order of what was told.

        Raises:
            WorkerError: the worker crashed, or hung past the deadline.
        """
        self._send(say.to_line(command))

    def hear(self, expected: type[say.R]) -> say.R:
        """Wait for the reply to the command told last.

        Raises:
            WorkerError: the worker crashed, hung past the deadline, or could not do it.
        """
        reply = say.read_reply(self._line())
        if isinstance(reply, say.Fault):
            raise WorkerError(reply.kind, reply.error)
        if not isinstance(reply, expected):
            raise WorkerError("error", f"the worker replied {type(reply).__name__} instead of {expected.__name__}")
        return reply

    def close(self) -> None:
        """End the worker, whatever it does, with all it has started; once is enough, twice does no harm."""
        if self._closed:
            return
        self._closed = True
        os.close(self._commands)
        os.close(self._replies)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _send(self, data: bytes) -> None:
        while data:
            self._wait(self._commands, select.POLLOUT)
            try:
                data = data[os.write(self._commands, data) :]
            except BrokenPipeError:
                raise self._crash() from None

    def _line(self) -> bytes:
        while b"\n" not in self._buffer:
            self._wait(self._replies, select.POLLIN)
            chunk = os.read(self._replies, _CHUNK)
            if not chunk:
                raise self._crash()
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def _wait(self, descriptor: int, event: int) -> None:
        poll = select.poll()
        poll.register(descriptor, event)
        if not poll.poll(max(0.0, self._deadline - time.monotonic()) * 1000):
            raise WorkerError("timeout", _TOO_LONG)

    def _crash(self) -> WorkerError:
        try:
            status = self._process.wait(max(0.0, self._deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            return WorkerError("timeout", _TOO_LONG)
        how = f"exit status {status}" if status >= 0 else f"signal {signal.Signals(-status).name}"
        if status == -signal.SIGKILL:
            how += " (the kernel's out-of-memory killer ends processes so)"
        tail = "\n".join(self._log.read_text(errors="replace").splitlines()[-_TAIL_LINES:])
        return WorkerError("crash", f"the worker ended with {how}{': ' + tail if tail else ''}")


def python_path(code: Path | None) -> str:
    """Where Python finds the code: a checkout first, where one is named."""
    first = [] if code is None else [str(code), str(code / "src")]
    return os.pathsep.join([*first, *filter(None, (str(_PACKAGES), os.environ.get("PYTHONPATH")))])
