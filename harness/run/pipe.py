"""The basic part of a worker's end of the pipe: lines in, lines out, with only the standard library.

Peers use it too, in the environment of another program, which may have none of this one's dependencies.
"""

from __future__ import annotations

import fcntl
import os
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any, BinaryIO, Literal, TypeAlias

from harness.errors import UiebenchError, UnavailableError

_LONGEST = 4000  # characters of a message; a plugin's may hold a whole tensor
# Messages for running out of memory if the error's class does not say so: from the allocators of a CPU and of CUDA
# (through TorchScript), the CUDA runtime itself (an AcceleratorError), and libraries that allocate their own memory.
_OUT_OF_MEMORY = (
    "DefaultCPUAllocator",
    "CUDA out of memory",
    "CUDA error: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "std::bad_alloc",
)
_HIGH = 200  # the descriptors of the pipes are at least this; some systems give a process no more than 256

# The kinds of faults: it cannot run here; its user can correct it; no memory is left; any other.
Told: TypeAlias = Literal["unavailable", "input", "out_of_memory", "error"]
# (a line, the worker that the first line, a job, made or None) -> (the worker for the next line or None after a fault,
# the reply).
Reply = Callable[[bytes, Any], tuple[Any, bytes]]


def run(commands: int, replies: int, reply: Reply) -> None:
    """Serve over two pipes, which are first moved to descriptors that plugins will not touch by accident.

    Args:
        commands: the descriptor to read.
        replies: the descriptor to write.
        reply: makes the reply to each line.
    """
    asked = open(_out_of_reach(commands), "rb", closefd=False)  # noqa: SIM115 (open as long as the process is)
    told = open(_out_of_reach(replies), "wb", buffering=0, closefd=False)  # noqa: SIM115
    serve(asked, told, reply)


def serve(commands: BinaryIO, replies: BinaryIO, reply: Reply) -> None:
    """Reply to each line until the pipe ends or the first fault; a forked copy of this process exits here."""
    worker: Any = None
    own = os.getpid()
    for line in commands:
        worker, told = reply(line, worker)
        if os.getpid() != own:
            os._exit(1)
        _send(replies, told)
        if worker is None:
            return


def fault(error: BaseException) -> tuple[Told, str]:
    """The kind of an error, and its message in a form that can be sent."""
    said, lacks_memory = _said(error), _lacks_memory(error)
    if isinstance(error, UiebenchError) and not lacks_memory:
        return "unavailable" if isinstance(error, UnavailableError) else "input", said
    if isinstance(error, MemoryError):
        return "out_of_memory", said or "the host has no more memory"
    with suppress(Exception):  # the plugin may have closed stderr
        traceback.print_exception(type(error), error, error.__traceback__)
    kind: Told = "out_of_memory" if lacks_memory else "error"
    ended = "" if isinstance(error, Exception) else ", which would have ended the process"
    return kind, f"{type(error).__name__}: {said}{ended}"


def _send(replies: BinaryIO, reply: bytes) -> None:
    rest = memoryview(reply)
    try:
        while rest:
            rest = rest[replies.write(rest) :]
    except BrokenPipeError:
        sys.exit(1)  # the runner has ended
    except OSError as error:
        sys.exit(f"the pipe to the runner cannot be written: {error}; a plugin may have closed it")


def _said(error: BaseException) -> str:
    """An error's message and notes in a form that can be sent."""
    said = _message(error)
    if len(said) > _LONGEST:  # a script's begins with its call stack and ends with the reason
        said = f"{said[: _LONGEST // 2]} … {said[-_LONGEST // 2 :]}"
    return " ".join((said, *getattr(error, "__notes__", ()))).encode("utf-8", "backslashreplace").decode()


def _message(error: BaseException) -> str:
    """The whole message; the error's own `__str__` may fail."""
    try:
        return str(error)
    except Exception as broken:  # any error class may be here
        return f"its message cannot be read ({type(broken).__name__})"


def _lacks_memory(error: BaseException) -> bool:
    """Whether memory has run out, even if it is given as the reason why an optimization cannot run."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(error, getattr(torch, "OutOfMemoryError", ())):
        return True
    told_by_others = not isinstance(error, UiebenchError) or isinstance(error, UnavailableError)
    return told_by_others and any(phrase in _message(error) for phrase in _OUT_OF_MEMORY)


def _out_of_reach(descriptor: int) -> int:
    """The same pipe under a descriptor that is not closed by accident, and that child programs do not inherit."""
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _HIGH)
    os.close(descriptor)
    return moved
