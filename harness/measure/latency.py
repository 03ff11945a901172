"""Requests timed one after another, from text in to spans out."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeVar


class ClockError(RuntimeError):
    """The clock that everything is timed by does not only go forward."""


_Request = TypeVar("_Request")
_Reply = TypeVar("_Reply")


def single_stream(
    answer: Callable[[_Request], _Reply],
    requests: Sequence[_Request],
    *,
    synchronize: Callable[[], object] = lambda: None,
    clock: Callable[[], int] = time.perf_counter_ns,
) -> tuple[list[int], list[_Reply]]:
    """Answer the requests one after another.

    Args:
        answer: one request to its reply.
        requests: in the order in which they are put.
        synchronize: waits for the device; called before each reading of the clock.
        clock: nanoseconds, monotonic.

    Returns:
        Nanoseconds per request, and the replies.

    Raises:
        ClockError: the clock stepped back.
    """
    elapsed: list[int] = []
    replies: list[_Reply] = []
    for request in requests:
        synchronize()
        begin = clock()
        reply = answer(request)
        synchronize()
        elapsed.append(passed(begin, clock()))
        replies.append(reply)
    return elapsed, replies


def passed(begin: int, end: int) -> int:
    """The time between two readings of the clock, in its unit.

    Raises:
        ClockError: the clock stepped back.
    """
    if end < begin:
        raise ClockError(
            f"the clock stepped back by {begin - end} ns during a request; nothing that it times can be trusted"
        )
    return end - begin
