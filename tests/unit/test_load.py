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
    assert sorted(seen) == list(range(50))


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
    assert max(timed.request_ns) >= 2 * 20_000_000


def test_a_queue_answers_whatever_waits_in_one_call() -> None:
    sizes: list[int] = []

    def answer_all(requests: Sequence[int]) -> list[int]:
        sizes.append(len(requests))
        time.sleep(0.02)
        return [n + 1 for n in requests]

    timed = closed_loop(Queueing(answer_all), range(30), clients=3)
    assert timed.replies == [n + 1 for n in range(30)]
    assert sum(sizes) == 30
    assert max(sizes) > 1
    assert len(sizes) < 30


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


@pytest.mark.parametrize("readings", [(9, 5, 4, 10), (9, 5, 6, 8)])  # the whole, from the first to the last
def test_a_clock_that_steps_back_is_refused(readings: tuple[int, ...]) -> None:
    clock = iter(readings)
    with pytest.raises(ClockError, match="stepped back by 1 ns"):
        closed_loop(lambda request: request, [0], clients=1, clock=lambda: next(clock))
