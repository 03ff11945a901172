from __future__ import annotations

import math
import random
from dataclasses import replace

import msgspec
import pytest
from test_advice import row

from harness.analyse.attribution import MEMORY as MEMORY_QUANTITY
from harness.analyse.attribution import TIME, Attribution, _values, attribute
from harness.analyse.effects import effects
from harness.analyse.rows import Row
from harness.analyse.stats import Spread
from harness.record import (
    Cell,
    ClosedLoop,
    ColdStart,
    Difference,
    Load,
    Measured,
    Memory,
    Parity,
    Record,
    SingleStream,
    StartUp,
)
from harness.report.attribution import beside, brought, in_words, together

# a takes half of the time, b a fifth, both together the same fifth; b needs a quarter more memory, a starts in half.
TIMES = {"baseline": 1.0, "a": 0.5, "b": 0.2, "a+b": 0.2}
MEMORY = {"baseline": 400, "a": 400, "b": 500, "a+b": 500}
STARTS = {"baseline": 2.0, "a": 1.0, "b": 2.0, "a+b": 1.0}
ROUNDS = 5


def records() -> list[Record]:
    rng = random.Random(0)
    found: list[Record] = []
    for name, time in TIMES.items():
        for turn in range(ROUNDS):
            own = round(1e9 * time * rng.gauss(1, 0.01))
            memory = Memory(weights_bytes=1, rss_serving_peak_bytes=MEMORY[name] * 2**20)
            stream = SingleStream([[own]], [[10**9]], [own], Parity(1), None if turn else memory)
            start = StartUp(imports_ns=round(STARTS[name] * rng.gauss(1, 0.02) * 1e9), weights_ns=0, first_call_ns=0)
            found.append(Measured(Cell(name, "single_stream", "texts", "cpu"), turn, stream))
            found.append(Measured(Cell(name, "cold_start", "texts", "cpu"), turn, ColdStart([start], [start], start)))
            walls = [
                Load(round(1e9 * factor * rng.gauss(1, 0.01))) for factor in (0.5 if name in ("b", "a+b") else 1.0, 1.0)
            ]
            loop = ClosedLoop(3, [walls[0]], [walls[1]], Parity(1))
            found.append(Measured(Cell(name, "closed_loop", "texts", "cpu"), turn, loop))
    return found


def test_what_too_few_combinations_measured_is_left_out_alone() -> None:
    def kept(record: Record) -> bool:
        return record.cell.scenario != "closed_loop" or record.cell.combination in ("baseline", "a+b")

    found = attribute([record for record in records() if kept(record)], rows())
    assert found is not None
    assert found.refusal is None
    assert TIME in found.effects
    assert "QPS" not in found.effects


def rows() -> list[Row]:
    return [row(name, time) for name, time in {**TIMES, "stock": 0.3}.items()]


def told(of: list[Row]) -> Attribution:
    found = attribute(records(), of)
    assert found is not None
    return found


def test_each_quantity_is_attributed() -> None:
    found = told(rows())
    assert found.effects[TIME].given["a", "b"].value == pytest.approx(1, rel=0.03)
    assert found.effects[TIME].without["a", "b"].value == pytest.approx(0.5, rel=0.03)
    memory = found.effects["memory while serving"].main["b"]
    assert memory.value == pytest.approx(1.25, rel=0.001)
    assert memory.low < 1.248, "weighed once, and known no better than two processes agree"
    assert memory.high - memory.low < 0.01
    assert found.effects["cold start"].main["a"].value == pytest.approx(0.5, rel=0.05)
    assert found.effects["QPS"].main["b"].value == pytest.approx(2, rel=0.05)
    assert brought(found)[0][:5] == ["optimization", TIME, "memory while serving", "cold start", "QPS"]
    # a halves the time, but not where b is on: together they take twice what both alone promise.
    assert found.effects[TIME].together["a", "b"].value == pytest.approx(2, rel=0.05)
    ((_, column), (line, _)) = together(found.effects[TIME])
    assert (line, column) == ("a", "b")
    assert [line[0] for line in beside(found.effects[TIME])[1:]] == ["a", "b"]


def test_what_helps_only_without_another_one_is_said() -> None:
    (said,) = in_words(told(rows()).effects[TIME])
    assert said.startswith("a saves time only without b (0.5")


def test_what_helps_hardly_less_beside_another_one_is_not_said() -> None:
    cells = {"": 1, "a": 0.955, "b": 1, "ab": 0.975}  # either side of the 3 % that a verdict needs
    values = {frozenset(cell): [math.log(time)] for cell, time in cells.items()}
    found = effects(values, dict.fromkeys(values, Spread(0.001)))
    assert (found.without["a", "b"].verdict, found.given["a", "b"].verdict) == ("faster", "no difference")
    assert list(in_words(found)) == []


def test_a_combination_with_other_answers_is_left_out() -> None:
    wrong = [
        replace(one, broken=(Difference("t", tie=False, expected=[], got=[]),)) if one.combination == "a+b" else one
        for one in rows()
    ]
    found = told(wrong)
    assert found.left_out == ("a+b",)
    assert found.refusal is not None
    assert "3 of 4 combinations of a, b" in found.refusal


def test_one_optimization_has_nothing_to_be_told_apart_from() -> None:
    assert attribute(records(), rows()[:2]) is None


def test_effects_on_a_gpus_memory_are_of_tensors_alone_and_what_is_on_the_host_has_none() -> None:
    tensors = {"baseline": 400, "a": 400, "a+b": 100, "b": None}

    def ledger(name: str, found: Memory | None) -> Memory | None:
        size = tensors[name]
        if found is None or size is None:  # b runs on the CPU
            return found
        reserved, context = size + 200, size + 700
        return msgspec.structs.replace(
            found,
            cuda_serving_allocated_peak_bytes=size << 20,
            cuda_serving_peak_bytes=reserved << 20,
            cuda_process_bytes=context << 20,
        )

    made = [
        msgspec.structs.replace(
            one,
            samples=msgspec.structs.replace(one.samples, memory=ledger(one.cell.combination, one.samples.memory)),
        )
        for one in records()
        if isinstance(one, Measured) and isinstance(one.samples, SingleStream)
    ]
    by_name = _values(made)[MEMORY_QUANTITY]
    assert {name: round(math.exp(value)) >> 20 for name, (value,) in by_name.items()} == {
        name: size for name, size in tensors.items() if size is not None
    }
