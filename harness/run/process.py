"""A worker process on its parent's side: ask, wait without spinning, and end it in time."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Literal, TypeAlias

from harness.record import Breakage
from harness.run import keeper, python
from harness.run import protocol as say
from harness.run.peers import Launch
from harness.textfile import split_lines

_TAIL_LINES = 6  # lines of the worker's own output in the error of a crash
_LONGEST_LINE = 400  # characters of such a line
_TOO_LONG = (
    "the worker did not answer within the round's time limit and was ended; raise timeout_s in the suite ([measure]) "
    "if a request may take as long"
)
_CHUNK = 1 << 16
Heap: TypeAlias = Literal["default", "kept", "returned"]  # what happens to memory that a process frees
# glibc's thresholds in bytes, for returning the free end of the heap and for allocating outside of it. By default glibc
# raises both while the process runs. Other C libraries ignore them, and an old glibc (for example 2.26, but not 2.36)
# ignores a second one above 32 MiB.
_THRESHOLDS: dict[Heap, int] = {"kept": 1 << 30, "returned": 128 << 10}
_DYING_S = 30.0  # from the end of its pipe to the end of the process, which may have much memory to free
_LONGEST_REPLY = 1 << 30  # bytes; answers to all texts are a few million
_SHOWN = 80  # bytes of an invalid reply in the error


class WorkerError(Exception):
    """The worker broke, or cannot run here; ``partner``: it is the combination's partner that broke."""

    def __init__(self, kind: Literal[Breakage, "unavailable", "partner"], message: str) -> None:
        super().__init__(message)
        self.kind = kind


class WorkerProcess:
    """One worker; every call ends by the deadline (of `time.monotonic`)."""

    def __init__(
        self,
        log: Path,
        deadline: float,
        code: Path | None = None,
        *,
        heap: Heap = "default",
        peer: Launch | None = None,
    ) -> None:
        """Spawn it.

        Args:
            log: the file for its own output.
            deadline: of `time.monotonic`.
            code: a checkout whose code it runs instead of this one's.
            heap: whether it keeps freed memory, returns it at once, or does what is the C library's default.
            peer: how to start it if it is a peer.

        Raises:
            WorkerError: the peer's interpreter cannot be run.
        """
        commands, self._commands = os.pipe()
        self._replies, replies = os.pipe()
        os.set_blocking(self._commands, False)
        self._buffer = b""
        self._closed = False
        self._log = log
        self._deadline = deadline
        # Idle OpenMP threads must sleep: a spinning one slows other processes.
        environment = {"OMP_WAIT_POLICY": "passive", **(peer.environment() if peer else python.environment())}
        if heap in _THRESHOLDS:
            names = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_")
            environment |= dict.fromkeys(names, str(_THRESHOLDS[heap]))
        pipes = (str(commands), str(replies))
        try:
            with log.open("ab") as output:
                self._process = subprocess.Popen(
                    peer.command(pipes) if peer else python.command("harness.run.worker", pipes, code),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env=environment,
                    cwd=peer.directory if peer else None,
                    pass_fds=(commands, replies),
                    start_new_session=True,  # Ctrl-C reaches the parent alone, which then ends its workers
                )
        except OSError as error:
            for descriptor in (self._commands, self._replies):
                os.close(descriptor)
            raise WorkerError("crash", f"the process cannot be started: {error}") from None
        finally:
            os.close(commands)
            os.close(replies)
        keeper.keep(self._process.pid)
        self._end = _end_of(self._process.pid)

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def ask(self, command: say.Command, expected: type[say.R]) -> say.R:
        """Send a command and wait for its reply.

        Raises:
            WorkerError: the worker crashed, hung past the deadline, or could not carry it out.
        """
        self.tell(command)
        return self.hear(expected)

    def tell(self, command: say.Command) -> None:
        """Send a command without waiting; replies come in the order of the commands.

        Raises:
            WorkerError: the worker crashed, or hung past the deadline.
        """
        self._send(say.to_line(command))

    def hear(self, expected: type[say.R]) -> say.R:
        """Wait for the next reply.

        Raises:
            WorkerError: the worker crashed, hung past the deadline, or could not do it.
        """
        line = self._line()
        try:
            reply = say.read_reply(line)
        except (ValueError, RecursionError) as error:
            raise WorkerError("error", _not_a_reply(line, str(error))) from None
        if isinstance(reply, say.Fault):
            raise WorkerError(reply.kind, reply.error)
        if not isinstance(reply, expected):
            raise WorkerError("error", f"the worker replied {type(reply).__name__} instead of {expected.__name__}")
        return reply

    def close(self) -> None:
        """Kill the worker and all processes that it started; calling this again has no effect."""
        if self._closed:
            return
        self._closed = True
        os.close(self._commands)
        os.close(self._replies)
        if self._end is not None:
            os.close(self._end)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        keeper.drop(self._process.pid)

    def _send(self, data: bytes) -> None:
        while data:
            if not self._wait(self._commands, select.POLLOUT):
                raise self._crash()
            try:
                data = data[os.write(self._commands, data) :]
            except BrokenPipeError:
                raise self._crash() from None

    def _line(self) -> bytes:
        parts = [self._buffer]
        length = len(self._buffer)
        while b"\n" not in parts[-1]:
            chunk = b""
            if self._wait(self._replies, select.POLLIN):
                chunk = os.read(self._replies, _CHUNK)
            if not chunk:
                raise self._crash()
            parts.append(chunk)
            length += len(chunk)
            if length > _LONGEST_REPLY:
                raise WorkerError("error", _not_a_reply(parts[1], "it has no end"))
        line, _, self._buffer = b"".join(parts).partition(b"\n")
        return line

    def _wait(self, descriptor: int, event: int) -> bool:
        """Wait for a pipe; false if the worker has ended and the pipe is empty, even if a copy holds it open."""
        poll = select.poll()
        poll.register(descriptor, event)
        if self._end is not None:
            poll.register(self._end, select.POLLIN)
        ready = poll.poll(max(0.0, self._deadline - time.monotonic()) * 1000)
        if not ready:
            raise WorkerError("timeout", _TOO_LONG)
        return any(found == descriptor for found, _ in ready)

    def _crash(self) -> WorkerError:
        try:
            status = self._process.wait(min(_DYING_S, max(0.0, self._deadline - time.monotonic())))
        except subprocess.TimeoutExpired:
            return WorkerError("crash", "the worker closed its pipe without ending; a plugin may have done so")
        how = f"exit status {status}" if status >= 0 else f"signal {signal.Signals(-status).name}"
        if status == -signal.SIGKILL:
            how += " (the kernel's out-of-memory killer ends processes so)"
        tail = _tail(self._log)
        return WorkerError("crash", f"the worker ended with {how}{': ' + tail if tail else ''}")


def _end_of(pid: int) -> int | None:
    """A descriptor that becomes readable when the process ends; None if the system has none."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


def _not_a_reply(line: bytes, why: str) -> str:
    shown = repr(line[:_SHOWN].decode(errors="backslashreplace")) + ("…" if len(line) > _SHOWN else "")
    return (
        f"what came from the worker is not a reply ({why}): {shown}; a plugin may have written to a descriptor that is "
        "not its own"
    )


def _tail(log: Path) -> str:
    """The last lines that a worker wrote; only the end of the file is read."""
    with log.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _CHUNK))
        lines = split_lines(file.read().decode(errors="replace"))
    return "\n".join(line[:_LONGEST_LINE] for line in lines[-_TAIL_LINES:])
