"""What a trace of torch's profiler says of a device: launches, copies, waits, and how long it was busy."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

ON_DEVICE = frozenset({"kernel", "gpu_memcpy", "gpu_memset"})
FROM_HOST = frozenset({"cuda_runtime", "cuda_driver"})
LAUNCHES = ("cudaLaunch", "cuLaunch", "cudaGraphLaunch")
WAITS = ("cudaStreamSynchronize", "cudaDeviceSynchronize", "cudaEventSynchronize")
MOST = 25  # kernels that are named


class Event(msgspec.Struct):
    """One event of a trace; times in microseconds."""

    name: str = ""
    cat: str = ""
    ts: float = 0.0
    dur: float = 0.0


class _Trace(msgspec.Struct, rename={"events": "traceEvents"}):
    events: list[Event]


@dataclass(frozen=True)
class Kernel:
    """All calls of one kernel."""

    name: str
    calls: float
    us: float


@dataclass(frozen=True)
class Seen:
    """What one request asks of a device, on average."""

    launches: float
    graph_launches: float  # of those
    copies_in: float
    copies_out: float
    copies_within: float
    waits: float
    busy_us: float
    kernels: tuple[Kernel, ...]  # those that take the longest


def read(file: Path) -> list[Event]:
    """The events of a trace."""
    return msgspec.json.decode(file.read_bytes(), type=_Trace).events


def seen(events: Sequence[Event], requests: int) -> Seen:
    """What so many requests asked for, by request."""
    host = [event.name for event in events if event.cat in FROM_HOST]
    copies = [event.name for event in events if event.cat == "gpu_memcpy"]

    def a_request(names: Iterable[str], *beginnings: str) -> float:
        return sum(name.startswith(beginnings) for name in names) / requests

    times: dict[str, list[float]] = defaultdict(list)
    for event in events:
        if event.cat == "kernel":
            times[event.name].append(event.dur)
    kernels = [Kernel(name, len(each) / requests, sum(each) / requests) for name, each in times.items()]
    return Seen(
        launches=a_request(host, *LAUNCHES),
        graph_launches=a_request(host, "cudaGraphLaunch"),
        copies_in=a_request(copies, "Memcpy HtoD"),
        copies_out=a_request(copies, "Memcpy DtoH"),
        copies_within=a_request(copies, "Memcpy DtoD"),
        waits=a_request(host, *WAITS),
        busy_us=busy_us([event for event in events if event.cat in ON_DEVICE]) / requests,
        kernels=tuple(sorted(kernels, key=lambda one: -one.us)[:MOST]),
    )


def busy_us(events: Iterable[Event]) -> float:
    """How long at least one of them was under way."""
    busy, until = 0.0, float("-inf")
    for begin, end in sorted((event.ts, event.ts + event.dur) for event in events):
        busy += max(0.0, end - max(begin, until))
        until = max(until, end)
    return busy
