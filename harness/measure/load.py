"""Requests under load: many at once, and all in one call."""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from harness.measure.latency import passed

_Request = TypeVar("_Request")
_Reply = TypeVar("_Reply")


@dataclass(frozen=True)
class Timed(Generic[_Reply]):
    """One timed pass: the time of all its requests, that of each, and the replies. In nanoseconds."""

    wall_ns: int  # under steady load: from the last answer before the first request's to the last request's
    request_ns: list[int]  # from when its client put it
    replies: list[_Reply]


def closed_loop(
    answer: Callable[[_Request], _Reply],
    requests: Sequence[_Request],
    clients: int,
    *,
    clock: Callable[[], int] = time.perf_counter_ns,
) -> Timed[_Reply]:
    """N clients, each with one request under way at any time.

    All of them are busy for as long as requests are timed: each client first puts one that is not timed, and goes on
    with others until all that are timed are answered. So neither the ramp nor the tail is in any figure.

    Args:
        answer: called from the clients' threads; returns when the request is answered.
        requests: those that are timed; taken in order, each by the next client that is free.
        clients: threads.
        clock: nanoseconds, monotonic.

    Raises:
        Exception: whatever the first failing request raised; the other clients stop.
        ClockError: the clock stepped back.
    """
    count = len(requests)
    places = itertools.count(-clients)  # from 0 to count - 1 they are timed
    begun: dict[int, int] = {}
    ended: dict[int, int] = {}
    replies: dict[int, _Reply] = {}
    failures: list[BaseException] = []
    lock, start = threading.Lock(), threading.Barrier(clients)

    def client() -> None:
        start.wait()
        while True:
            with lock:
                if failures or len(replies) == count:
                    return
                place = next(places)
            try:
                begun[place] = clock()
                reply = answer(requests[place % count])
                ended[place] = clock()
            except BaseException as error:  # raised again in the caller's thread
                failures.append(error)
                return
            if 0 <= place < count:
                replies[place] = reply

    threads = [threading.Thread(target=client, daemon=True) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    timed = range(count)
    steady = max(ended[place] for place in range(-clients, 0))
    return Timed(
        wall_ns=passed(steady, max(ended[place] for place in timed)),
        request_ns=[passed(begun[place], ended[place]) for place in timed],
        replies=[replies[place] for place in timed],
    )


class FirstComeFirstServed:
    """A lock that is handed to whoever has waited longest.

    ``threading.Lock`` goes to whoever asks first once it is free. That is nearly always the thread that has just
    released it: the others then wait for the whole of a pass.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held = False
        self._line: deque[threading.Lock] = deque()  # a lock for each that waits, released when its turn has come

    def __enter__(self) -> None:
        with self._guard:
            if not self._held:
                self._held = True
                return
            turn = threading.Lock()
            turn.acquire()
            self._line.append(turn)
        turn.acquire()

    def __exit__(self, *_: object) -> None:
        with self._guard:
            if self._line:
                self._line.popleft().release()
            else:
                self._held = False


@dataclass
class Service:
    """What a server did: how long each request waited for it, and how many it answered together each time."""

    wait_ns: list[int] = field(default_factory=list)
    batch_sizes: list[int] = field(default_factory=list)

    def begin(self, put: Iterable[int], now: int) -> None:
        """Note that requests which were put at these times are answered from now on, together."""
        waits = [passed(one, now) for one in put]
        self.wait_ns += waits
        self.batch_sizes.append(len(waits))


class TakingTurns(Generic[_Request, _Reply]):
    """A server that answers one request at a time, in the order in which they came."""

    def __init__(
        self, answer: Callable[[_Request], _Reply], *, clock: Callable[[], int] = time.perf_counter_ns
    ) -> None:
        self.service = Service()
        self._answer = answer
        self._clock = clock
        self._turn = FirstComeFirstServed()

    def __call__(self, request: _Request) -> _Reply:
        """Answer one request."""
        put = self._clock()
        with self._turn:
            self.service.begin([put], self._clock())
            return self._answer(request)


class Queueing(Generic[_Request, _Reply]):
    """A server that answers whatever waits in one call, and adds no wait of its own.

    The client whose turn it is answers for all that wait; meanwhile others line up.
    """

    def __init__(
        self,
        answer_all: Callable[[Sequence[_Request]], Sequence[_Reply]],
        *,
        clock: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        self.service = Service()
        self._answer_all = answer_all
        self._clock = clock
        self._waiting: list[_Ticket[_Request, _Reply]] = []
        self._lock, self._turn = FirstComeFirstServed(), FirstComeFirstServed()

    def __call__(self, request: _Request) -> _Reply:
        """Answer one request, together with whatever else waits.

        Raises:
            Exception: what the call that the request was in raised.
        """
        ticket: _Ticket[_Request, _Reply] = _Ticket(request, self._clock())
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
        self.service.begin([ticket.put_ns for ticket in taken], self._clock())
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
    put_ns: int
    replies: list[_Reply] = field(default_factory=list)
    done: bool = False
    error: Exception | None = None
