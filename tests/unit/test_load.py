from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import pytest

from harness.measure.latency import ClockError
from harness.measure.load import Queueing, TakingTurns, closed_loop


def test_every_request_is_answered_once_and_in_its_place() -> None:
    seen: list[int] = []

    def square(n: int) -> int:
        seen.append(n)
        return n * n

    timed = closed_loop(square, list(range(50)), clients=3)
    assert timed.replies == [n * n for n in range(50)]
    assert len(timed.request_ns) == 50
    assert sorted(set(seen)) == list(range(50))


def test_a_client_has_one_request_under_way() -> None:
    under_way, most = 0, 0
    lock = threading.Lock()

    def answer(_: int) -> None:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        time.sleep(0.002)
        with lock:
            under_way -= 1

    closed_loop(answer, range(30), clients=3)
    assert most == 3


def test_waiting_for_a_turn_is_part_of_the_latency() -> None:
    server: TakingTurns[int, None] = TakingTurns(lambda _: time.sleep(0.02))
    timed = closed_loop(server, range(6), clients=3)
    assert timed.wall_ns >= 6 * 20_000_000
    assert min(timed.request_ns) >= 2 * 20_000_000


@pytest.mark.parametrize("clients", [1, 2, 3, 8])
def test_all_clients_are_busy_while_requests_are_timed(clients: int) -> None:
    """On a clock that stands still but for the service of 5 ns, each request waits for those of all other clients."""
    now = calls = 0

    def answer(_: int) -> None:
        nonlocal now, calls
        calls += 1
        while len(line) < clients - 1 and calls <= clients + 20:  # the last ones are not timed, and wait for nobody
            time.sleep(0)
        now += 5

    server: TakingTurns[int, None] = TakingTurns(answer, clock=lambda: now)
    line = server._turn._line
    timed = closed_loop(server, range(20), clients, clock=lambda: now)
    assert timed.wall_ns == 20 * 5
    assert timed.request_ns == [clients * 5] * 20


@pytest.mark.parametrize("joins", [False, True])
def test_nobody_waits_for_more_than_two_turns_of_all_clients(joins: bool) -> None:
    clients, longest = 3, 0

    def answer(request: int) -> int:
        nonlocal longest
        begin = time.perf_counter_ns()
        time.sleep(0.002)
        longest = max(longest, time.perf_counter_ns() - begin)
        return request

    turns: TakingTurns[int, int] = TakingTurns(answer)
    queue: Queueing[int, int] = Queueing(lambda requests: [answer(one) for one in requests])
    server = queue if joins else turns
    closed_loop(server, range(60), clients)
    assert len(server.service.wait_ns) == sum(server.service.batch_sizes) >= 60 + clients
    assert max(server.service.wait_ns) <= 2 * clients * longest


def test_a_queue_answers_whatever_waits_in_one_call() -> None:
    sizes: list[int] = []

    def answer_all(requests: Sequence[int]) -> list[int]:
        sizes.append(len(requests))
        time.sleep(0.005)
        return [n + 1 for n in requests]

    server = Queueing(answer_all)
    timed = closed_loop(server, range(30), clients=3)
    assert timed.replies == [n + 1 for n in range(30)]
    assert server.service.batch_sizes == sizes
    assert sum(sizes) / len(sizes) > 1.4


def test_a_single_client_never_waits_at_a_queue() -> None:
    server: Queueing[int, int] = Queueing(lambda requests: [len(requests)] * len(requests))
    assert closed_loop(server, range(5), clients=1).replies == [1] * 5


@pytest.mark.parametrize("queue", [False, True])
def test_what_a_request_raises_is_raised(queue: bool) -> None:
    def fail(request: int) -> int:
        if request == 7:
            raise ValueError("seven")
        return request

    turns: TakingTurns[int, int] = TakingTurns(fail)
    queueing: Queueing[int, int] = Queueing(lambda requests: [fail(one) for one in requests])
    server: Callable[[int], int] = queueing if queue else turns
    with pytest.raises(ValueError, match="seven"):
        closed_loop(server, range(20), clients=3)


@pytest.mark.parametrize("readings", [(1, 2, 5, 4), (1, 9, 7, 8)])  # of one request; from the first to the last
def test_a_clock_that_steps_back_is_refused(readings: tuple[int, ...]) -> None:
    clock = iter(readings)
    with pytest.raises(ClockError, match="stepped back by 1 ns"):
        closed_loop(lambda request: request, [0], clients=1, clock=lambda: next(clock))
