"""What a worker measures of a pass, with an extractor and a GPU that are made up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import msgspec
import pytest
import torch

from harness.analyse.compare import compare
from harness.analyse.figures import READERS, Figure
from harness.record import (
    BASELINE,
    RECORD_VERSION,
    Cell,
    Header,
    Measured,
    Memory,
    Offline,
    Parity,
    Record,
    Scenario,
    SingleStream,
    StartUp,
)
from harness.report.table import fields
from harness.run import protocol as say
from harness.run.executors.recorded import loads
from harness.run.worker import Worker, make_context
from harness.scenarios import KINDS

MIB = 1 << 20
DRIVER_NS, REQUEST_NS = 1_000_000, 5


class Device:
    """A GPU whose memory goes up with each request, and a processor's time that requests and the driver take."""

    type = "cuda"

    def __init__(self) -> None:
        self.cpu_ns, self.now, self.peak = 0, 100 * MIB, 900 * MIB  # the peak is of something before

    def request(self, *_: object) -> list[Any]:
        self.cpu_ns += REQUEST_NS
        self.now += 3 * MIB
        self.peak = max(self.peak, self.now)
        self.now -= 2 * MIB
        return []

    def energy(self, uuid: str) -> int:
        assert uuid == "GPU-1"
        self.cpu_ns += DRIVER_NS
        return self.cpu_ns

    def forget(self, *_: object) -> None:
        self.peak = self.now


class Made:
    """An extractor on that device."""

    def __init__(self, device: Device, *, joins: bool) -> None:
        self.device, self.batching = device, self
        self.joins_requests = joins

    def extract(self, *_: object) -> list[Any]:
        return self.device.request()

    def extract_batch(self, texts: list[str], _: object) -> list[list[Any]]:
        return [self.device.request() for _ in texts]


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Worker:
    device = Device()
    monkeypatch.setattr("harness.run.worker.energy_mj", device.energy)
    monkeypatch.setattr("time.process_time_ns", lambda: device.cpu_ns)
    for name, ask in {
        "synchronize": lambda _: None,
        "reset_peak_memory_stats": device.forget,
        "max_memory_reserved": lambda _: 2 * device.peak,
        "max_memory_allocated": lambda _: device.peak,
    }.items():
        monkeypatch.setattr(torch.cuda, name, ask)
    found = object.__new__(Worker)
    found.extractor = cast("Any", Made(device, joins=True))
    found.facts, found.timed, found.texts, found.schemas = {"gpu_uuid": "GPU-1"}, 3, ["a"] * 3, [{}] * 3
    return found


def test_the_drivers_answers_are_no_processor_time_of_the_requests(worker: Worker) -> None:
    timed = worker.time(say.Time())
    assert timed.cpu_ns == 3 * REQUEST_NS
    assert timed.energy_mj == DRIVER_NS + 3 * REQUEST_NS


@pytest.mark.parametrize("scenario", [name for name, kind in KINDS.items() if kind.in_passes])
def test_a_process_is_timed_under_each_scenario(worker: Worker, scenario: Scenario) -> None:
    timed = worker.time(say.Time(scenario, clients=2))
    assert timed.answers == [[], [], []]


def test_a_process_is_timed_under_no_other_scenario(worker: Worker) -> None:
    with pytest.raises(ValueError, match="not timed under the scenario 'cold_start'"):
        worker.time(say.Time("cold_start"))


@pytest.mark.parametrize(("scenario", "requests"), [("offline", 3), ("closed_loop", 6)])
def test_loads_have_peaks_of_their_own_on_the_device(worker: Worker, scenario: Any, requests: int) -> None:
    worker.time(say.Time())
    timed = worker.time(say.Time(scenario, clients=2))
    (load,) = loads([timed])
    assert load.cuda_allocated_peak_bytes is not None
    assert load.cuda_peak_bytes == 2 * load.cuda_allocated_peak_bytes
    before = 103 * MIB
    # Clients put more requests than those that are timed, so that the load is steady.
    assert before + (2 + 3) * MIB <= load.cuda_allocated_peak_bytes <= before + (2 + requests) * MIB


def test_a_context_is_made_by_a_first_allocation_and_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    did: list[str] = []
    now_ns = 0

    def takes(name: str, ns: int) -> Callable[..., None]:
        def step(*_: object, **__: object) -> None:
            nonlocal now_ns
            did.append(name)
            now_ns += ns

        return step

    monkeypatch.setattr("time.monotonic_ns", lambda: now_ns)
    monkeypatch.setattr(torch.cuda, "init", takes("init", 100))
    monkeypatch.setattr(torch, "empty", takes("empty", 20))
    monkeypatch.setattr(torch.cuda, "synchronize", takes("synchronize", 3))
    assert make_context(torch.device("cuda")) == 123
    assert did == ["init", "empty", "synchronize"]
    assert make_context(torch.device("cpu")) is None


def test_a_context_is_part_of_a_start_and_earlier_records_have_none() -> None:
    assert StartUp(1, 2, 3, context_ns=4).total_ns == 10
    earlier = msgspec.json.decode(b'{"imports_ns": 1, "weights_ns": 2, "first_call_ns": 3}', type=StartUp)
    assert (earlier.context_ns, earlier.total_ns) == (None, 6)


def test_a_cpu_has_none() -> None:
    assert loads([say.Timed(1, 1, [], [])])[0].cuda_peak_bytes is None


def test_what_loads_take_of_the_device_is_in_the_table_and_counts_for_what_has_to_fit(worker: Worker) -> None:
    header = Header(RECORD_VERSION, "s", "k", "c", 0, "cuda", "base", ["a"] * 3, {BASELINE: True}, {})
    timed = worker.time(say.Time("offline"))
    passes = loads([timed])
    memory = Memory(
        1, cuda_serving_peak_bytes=100 * MIB, cuda_serving_allocated_peak_bytes=50 * MIB, cuda_process_bytes=500 * MIB
    )
    stream = SingleStream([[10] * 3], [[10] * 3], [30], Parity(3), memory)
    samples: dict[Scenario, SingleStream | Offline] = {
        "single_stream": stream,
        "offline": Offline(passes, passes, Parity(3)),
    }
    records: list[Record] = [Measured(Cell(BASELINE, scenario, "t", "cuda"), 0, of) for scenario, of in samples.items()]
    (row,), _ = compare(header, records)
    assert fields(row, [row])["VRAM in use, loads"].text == "105 MiB"
    assert READERS["vram"](row) == Figure((500 + 2 * 105 - 100) * MIB)
    (alone,), _ = compare(header, records[:1])
    assert "VRAM in use, loads" not in fields(alone, [alone])
