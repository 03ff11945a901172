"""Every scenario is known wherever one is asked for, before anything is measured."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from made_up import HEADER, RECORDS

from harness.analyse.compare import compare
from harness.peers import _worker
from harness.plan.suite import Measure
from harness.record import Measured, Samples, Scenario
from harness.report.flat import flat
from harness.report.table import fields
from harness.scenarios import KINDS, kind_of, rate_of

IN_PASSES = [name for name, kind in KINDS.items() if kind.in_passes]


def test_each_has_a_file_and_samples_of_its_name() -> None:
    assert tuple(KINDS) == get_args(Scenario)
    assert {kind.samples for kind in KINDS.values()} == set(get_args(Samples))
    for name, kind in KINDS.items():
        assert kind.name == name == kind.samples.__struct_config__.tag


def test_only_loads_have_a_rate_and_no_two_are_called_alike() -> None:
    loads = [name for name, kind in KINDS.items() if kind.rate]
    assert loads == ["closed_loop", "offline"]
    for clients in (1, 3):
        for called in ("column", "how", "name", "key"):
            assert len({getattr(rate_of(name), called)(clients) for name in loads}) == len(loads)
    assert rate_of("closed_loop").column(1) == "QPS (1 client)"
    with pytest.raises(AssertionError, match="cold_start has no rate"):
        rate_of("cold_start")


def test_the_samples_of_a_record_are_those_of_its_cell() -> None:
    measured = [one for one in RECORDS if isinstance(one, Measured)]
    assert {one.cell.scenario for one in measured} == set(KINDS)
    assert all(kind_of(one.samples).name == one.cell.scenario for one in measured)


def test_a_suite_measures_a_scenario_once_or_once_for_each_number_of_clients() -> None:
    measure = Measure(clients=(1, 4))
    assert {name: measure.clients_of(name) for name in KINDS} == {
        name: (1, 4) if name == "closed_loop" else (1,) for name in KINDS
    }


def test_every_load_has_its_columns() -> None:
    rows, _ = compare(HEADER, RECORDS)
    good = next(row for row in rows if row.combination == "good")
    assert {"QPS (3 clients)", "texts/s (one call)"} <= set(fields(good, rows))
    assert {"closed_loop_3_clients_per_s", "offline_per_s"} <= set(flat(good))


class Program:
    """Answers nothing."""

    def answer(self, text: str, schema: object) -> list[Any]:
        return []

    def answer_all(self, texts: list[str], schemas: object) -> list[list[Any]]:
        return [[] for _ in texts]


@pytest.fixture
def peer() -> _worker.Worker:
    found: Any = object.__new__(_worker.Worker)
    found._peer, found._texts, found._schemas, found._timed = Program(), ["a"] * 3, [{}] * 3, range(3)
    return found  # type: ignore[no-any-return]


@pytest.mark.parametrize("scenario", IN_PASSES)
def test_another_program_is_timed_under_each(scenario: str, peer: _worker.Worker) -> None:
    timed = peer.time({"scenario": scenario, "clients": 2, "places": [], "primed": [0]})
    assert timed["answers"] == [[], [], []]


def test_another_program_is_timed_under_no_other(peer: _worker.Worker) -> None:
    with pytest.raises(ValueError, match="not timed under the scenario 'cold_start'"):
        peer.time({"scenario": "cold_start", "clients": 1, "places": [], "primed": []})
