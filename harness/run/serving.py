"""A worker's end of the pipe: commands in, replies out, whatever a plugin does in between."""

from __future__ import annotations

import fcntl
import os
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any, BinaryIO

from harness.errors import UiebenchError, UnavailableError
from harness.run import protocol as say

_LONGEST = 4000  # characters of a message; a plugin's may hold a whole tensor
_HIGH = 200  # the descriptors of the pipes are at least this; some systems give a process no more than 256

# What a command leads to, given what the first one, a job, led to: something that is up, of which the runner is told.
Obey = Callable[[bytes, Any], Any]


def run(commands: int, replies: int, obey: Obey) -> None:
    """Serve over two pipes, which are first put out of the reach of what runs here.

    Args:
        commands: the descriptor to read.
        replies: the descriptor to write.
        obey: does what a line asks.
    """
    asked = open(_out_of_reach(commands), "rb", closefd=False)  # noqa: SIM115 (open as long as the process is)
    told = open(_out_of_reach(replies), "wb", buffering=0, closefd=False)  # noqa: SIM115
    serve(asked, told, obey)


def serve(commands: BinaryIO, replies: BinaryIO, obey: Obey) -> None:
    """Do what each line asks until the pipe ends or the first fault.

    Whatever a plugin raises meanwhile is a fault, and a copy of this process that it forked ends here.
    """
    worker: Any = None
    own = os.getpid()
    for line in commands:
        worker, reply = _guarded(line, worker, obey)
        if os.getpid() != own:
            os._exit(1)
        _send(replies, reply)
        if worker is None:
            return


def _guarded(line: bytes, worker: Any, obey: Obey) -> tuple[Any, bytes]:
    """What serves the next command, None after a fault, and the reply."""
    try:
        found = obey(line, worker)
        if worker is None:
            return found, _sendable(say.Ready(found.start, found.facts))
        return worker, _sendable(found)
    except BaseException as error:  # a plugin may raise anything, SystemExit too; the run must go on
        return None, say.to_line(_fault(error))


def _sendable(reply: say.Reply) -> bytes:
    """The line; one that the runner could not read is a fault of here."""
    try:
        line = say.to_line(reply)
        say.read_reply(line)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise RuntimeError(f"the reply {type(reply).__name__} cannot be sent: {error}") from error
    return line


def _send(replies: BinaryIO, reply: bytes) -> None:
    rest = memoryview(reply)
    try:
        while rest:
            rest = rest[replies.write(rest) :]
    except BrokenPipeError:
        sys.exit(1)  # the runner has gone
    except OSError as error:
        sys.exit(f"the pipe to the runner cannot be written: {error}; a plugin may have closed it")


def _fault(error: BaseException) -> say.Fault:
    said = _said(error)
    if isinstance(error, UiebenchError):
        return say.Fault("unavailable" if isinstance(error, UnavailableError) else "input", said)
    if isinstance(error, MemoryError):
        return say.Fault("out_of_memory", said or "the host has no more memory")
    with suppress(Exception):  # the plugin may have closed what it goes to
        traceback.print_exception(error)
    kind = "out_of_memory" if _is_out_of_memory(error, said) else "error"
    ended = "" if isinstance(error, Exception) else ", which would have ended the process"
    return say.Fault(kind, f"{type(error).__name__}: {said}{ended}")


def _said(error: BaseException) -> str:
    """An error's message and notes as they can be sent; its own method may break."""
    try:
        said = str(error)[:_LONGEST]
    except Exception as broken:  # a stranger's method
        said = f"its message cannot be read ({type(broken).__name__})"
    return " ".join((said, *getattr(error, "__notes__", ()))).encode("utf-8", "backslashreplace").decode()


def _is_out_of_memory(error: BaseException, said: str) -> bool:
    torch = sys.modules.get("torch")
    # The CPU allocator has no error class of its own.
    return "DefaultCPUAllocator" in said or (torch is not None and isinstance(error, torch.OutOfMemoryError))


def _out_of_reach(descriptor: int) -> int:
    """The same pipe under a number that nobody closes in passing, and that no program started from here inherits."""
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _HIGH)
    os.close(descriptor)
    return moved
