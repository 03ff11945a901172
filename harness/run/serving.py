"""A worker's end of the pipe: commands in, replies out, whatever a plugin does in between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, BinaryIO

from harness.run import pipe
from harness.run import protocol as say

# (a command, the worker that the first command, a job, made or None) -> the worker for a job, otherwise the reply.
Obey = Callable[[bytes, Any], Any]


def run(commands: int, replies: int, obey: Obey) -> None:
    """Serve over two pipes, which are first moved to descriptors that plugins will not touch by accident.

    Args:
        commands: the descriptor to read.
        replies: the descriptor to write.
        obey: carries out the command of a line.
    """
    pipe.run(commands, replies, _guarded(obey))


def serve(commands: BinaryIO, replies: BinaryIO, obey: Obey) -> None:
    """Carry out the command of each line until the pipe ends or the first fault.

    Anything that a plugin raises is a fault; a copy of this process that a plugin forked exits here.
    """
    pipe.serve(commands, replies, _guarded(obey))


def _guarded(obey: Obey) -> pipe.Reply:
    """Returns the worker for the next command (None after a fault), and the reply."""

    def reply(line: bytes, worker: Any) -> tuple[Any, bytes]:
        try:
            found = obey(line, worker)
            if worker is None:
                return found, _sendable(say.Ready(found.start, found.facts))
            return worker, _sendable(found)
        except BaseException as error:  # a plugin may raise anything, SystemExit too; the run must go on
            return None, say.to_line(say.Fault(*pipe.fault(error)))

    return reply


def _sendable(reply: say.Reply) -> bytes:
    """The reply as a line; one that the runner could not read is an error here."""
    try:
        line = say.to_line(reply)
        say.read_reply(line)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise RuntimeError(f"the reply {type(reply).__name__} cannot be sent: {error}") from error
    return line
