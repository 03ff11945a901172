"""Requests under load: many at once, and all in one call."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from harness.measure.latency import passed

_Request = TypeVar("_Request")
_Reply = TypeVar("_Reply")


@dataclass(frozen=True)
class Timed(Generic[_Reply]):
    """One timed pass: the whole of it, each request from when its client put it, and the replies. In nanoseconds."""

    wall_ns: int
    request_ns: list[int]
    replies: list[_Reply]


def closed_loop(
    answer: Callable[[_Request], _Reply],
    requests: Sequence[_Request],
    clients: int,
    *,
    clock: Callable[[], int] = time.perf_counter_ns,
) -> Timed[_Reply]:
    """So many clients, each with one request under way at any time, until all are answered.

    Args:
        answer: called from the clients' threads; returns when the request is answered.
        requests: taken in order, each by the next client that is free.
        clients: threads.
        clock: nanoseconds, monotonic.

    Raises:
        Exception: whatever the first failing request raised; the other clients stop.
        ClockError: the clock stepped back.
    """
    places = iter(range(len(requests)))
    elapsed: list[int] = [0] * len(requests)
    replies: dict[int, _Reply] = {}
    failures: list[BaseException] = []
    lock, start = threading.Lock(), threading.Barrier(clients + 1)

    def client() -> None:
        start.wait()
        while True:
            with lock:
                place = None if failures else next(places, None)
            if place is None:
                return
            begin = clock()
            try:
                reply = answer(requests[place])
                elapsed[place] = passed(begin, clock())
            except BaseException as error:  # raised again in the caller's thread
                failures.append(error)
                return
            replies[place] = reply

    threads = [threading.Thread(target=client, daemon=True) for _ in range(clients)]
    for thread in threads:
        thread.start()
    begin = clock()
    start.wait()
    for thread in threads:
        thread.join()
    end = clock()
    if failures:
        raise failures[0]
    return Timed(passed(begin, end), elapsed, [replies[place] for place in range(len(requests))])


class TakingTurns(Generic[_Request, _Reply]):
    """A server that answers one request at a time; the others wait at a lock."""

    def __init__(self, answer: Callable[[_Request], _Reply]) -> None:
        self._answer = answer
        self._turn = threading.Lock()

    def __call__(self, request: _Request) -> _Reply:
        """Answer one request."""
        with self._turn:
            return self._answer(request)


class Queueing(Generic[_Request, _Reply]):
    """A server that answers whatever waits in one call, and adds no wait of its own.

    The client whose request is first in the queue answers for all that wait; meanwhile others line up.
    """

    def __init__(self, answer_all: Callable[[Sequence[_Request]], Sequence[_Reply]]) -> None:
        self._answer_all = answer_all
        self._waiting: list[_Ticket[_Request, _Reply]] = []
        self._lock, self._turn = threading.Lock(), threading.Lock()

    def __call__(self, request: _Request) -> _Reply:
        """Answer one request, together with whatever else waits.

        Raises:
            Exception: what the call that the request was in raised.
        """
        ticket: _Ticket[_Request, _Reply] = _Ticket(request)
        with self._lock:
            self._waiting.append(ticket)
        with self._turn:
            if not ticket.done:
                self._answer_waiting()
        if ticket.error is not None:
            raise ticket.error
        return ticket.replies[0]

    def _answer_waiting(self) -> None:
        with self._lock:
            taken, self._waiting = self._waiting, []
        try:
            replies = self._answer_all([ticket.request for ticket in taken])
            for ticket, reply in zip(taken, replies, strict=True):
                ticket.replies.append(reply)
        except Exception as error:
            for ticket in taken:
                ticket.error = error
        for ticket in taken:
            ticket.done = True


@dataclass
class _Ticket(Generic[_Request, _Reply]):
    request: _Request
    replies: list[_Reply] = field(default_factory=list)
    done: bool = False
    error: Exception | None = None
