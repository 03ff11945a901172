from __future__ import annotations

import math

import pytest
from made_up import HEADER, RECORDS
from msgspec.structs import replace

from harness.analyse.compare import MACHINE_SD, compare
from harness.analyse.stats import RATE_PRIOR
from harness.record import ClosedLoop, Load, Measured, Offline, Parity, Record


def test_a_rate_is_as_uncertain_as_this_machine_is() -> None:
    def width(environment: dict[str, object]) -> float:
        rows, _ = compare(replace(HEADER, environment=environment), RECORDS)
        (load,) = [one for row in rows if row.combination == "good" for one in row.loads if one.scenario == "offline"]
        return math.log(load.to_stock.high / load.to_stock.value)

    assert width({MACHINE_SD: 2 * RATE_PRIOR.sd}) == pytest.approx(2 * width({}))


def test_the_spread_of_rates_is_told_from_all_combinations_under_that_load() -> None:
    base = next(one for one in RECORDS if isinstance(one, Measured) and isinstance(one.samples, Offline))

    def round_of(name: str, number: int) -> Record:
        own = [Load(round(1e9 * (1 + 0.2 * (number % 2))))]
        cell = replace(base.cell, combination=name)
        return replace(base, cell=cell, round=number, samples=Offline(own, [Load(10**9)], Parity(50)))

    records = [round_of(name, number) for name in ("baseline", "good", "better") for number in range(5)]
    rows, _ = compare(HEADER, records)
    load = next(row for row in rows if row.combination == "good").loads[0]
    assert load.to_stock.high / load.to_stock.value > 1.05  # five rounds at an sd of 10 %, not at the published one
    assert len(load.rates) == 5


def test_batches_and_waits_of_all_passes_are_told() -> None:
    loads = [Load(10**9, [], wait_ns=[5, 70], batch_sizes=[1, 3]), Load(10**9, [], wait_ns=[9], batch_sizes=[2])]
    base = next(one for one in RECORDS if isinstance(one, Measured) and isinstance(one.samples, ClosedLoop))
    rows, _ = compare(HEADER, [replace(base, samples=ClosedLoop(3, loads, loads, Parity(50)))])
    row = next(one for one in rows if one.combination == base.cell.combination)
    load = row.load("closed_loop")
    assert load is not None
    assert (load.mean_batch, load.longest_wait_ns) == (2, 70)
