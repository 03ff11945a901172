from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
from made_up import HEADER, RECORDS
from msgspec import structs

from harness.analyse.figures import READERS, Figure
from harness.analyse.percentiles import Percentile
from harness.analyse.rows import Row
from harness.analyse.targets import judged
from harness.analyse.view import view
from harness.errors import SuiteError, unknown
from harness.figures import LIMITS, FigureName
from harness.plan.suite import Targets, read_suite
from harness.record import Memory
from harness.report.flat import flat
from harness.report.html import render
from harness.report.table import fields
from harness.run.sound import header_fault


def rows(**targets: float) -> dict[str, Row]:
    return {row.combination: row for row in view(structs.replace(HEADER, targets=targets), RECORDS, []).rows}


def p95(low: float | None, value: float, high: float | None) -> Row:
    row = rows()["good"]
    assert row.latency
    lacks = "93 distinct texts (not 24)" if high is None else None
    return replace(row, latency=replace(row.latency, percentiles={0.95: Percentile(value, low, high, lacks)}))


def test_each_name_of_a_suite_has_a_figure() -> None:
    assert set(Targets.__struct_fields__) == set(LIMITS)
    assert set(READERS) == {kind.name for kind in LIMITS.values()} == set(get_args(FigureName))


@pytest.mark.parametrize(
    ("low", "value", "high", "kept"),
    [
        (7, 8, 9, "met"),
        (9, 10, 11, "unsure"),
        (11, 12, 13, "missed"),
        (None, 1, None, "unsure"),
        (None, 100, None, "unsure"),
        (9, 9, None, "unsure"),
        (11, 12, None, "missed"),
    ],
)
def test_a_limit_is_kept_by_the_whole_interval(low: float | None, value: float, high: float | None, kept: str) -> None:
    (held,) = judged(p95(low, value, high), {"max_p95": 10.0}).targets
    assert held.kept == kept


def test_more_is_better_where_a_target_says_least() -> None:
    row = rows()["good"]
    (load,) = (one for one in row.loads if one.scenario == "closed_loop")
    varied = [load.per_second * factor for factor in (0.98, 0.99, 1.01, 1.02)]
    four, one = (replace(row, loads=(replace(load, rates=tuple(rates)),)) for rates in (varied, varied[:1]))
    for factor, kept in ((0.9, "met"), (1.0, "unsure"), (1.1, "missed")):
        (held,) = judged(four, {"min_qps": load.per_second * factor}).targets
        assert held.kept == kept
        (held,) = judged(one, {"min_qps": load.per_second * factor}).targets
        assert held.kept == "unsure"


def test_what_was_not_measured_is_said_to_be() -> None:
    found = rows(max_vram=2**31, max_rss=1.0)
    assert fields(found["good"], list(found.values()))["targets"].text == "max_vram not measured, max_rss missed"
    assert flat(found["absent"])["target_max_rss"] == "not measured"
    assert "targets" not in fields(rows()["good"], list(rows().values()))


def test_the_page_has_a_column_of_targets() -> None:
    page = render(view(structs.replace(HEADER, targets={"max_rss": 2.0**40}), RECORDS, []), {}, None)
    assert ">targets</button>" in page
    assert "<td>met</td>" in page


def test_limits_are_read_with_their_units(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    texts = '[texts]\ndatasets = ["article"]\n'
    file.write_text(f'[targets]\nmax_p95 = "800ms"\nmax_vram = "2GiB"\nmin_qps = 5\n{texts}')
    assert read_suite(file).targets.limits() == {"max_p95": 8e8, "max_vram": 2 << 30, "min_qps": 5}
    for written, said in (
        ('max_p95 = "500"', "'500' is not a duration"),
        ('max_rss = "800ms"', "'800ms' is not a size"),
    ):
        file.write_text(f"[targets]\n{written}\n{texts}")
        with pytest.raises(SuiteError, match=said):
            read_suite(file)


def test_a_header_with_a_target_that_does_not_exist_is_refused() -> None:
    header = structs.replace(HEADER, targets={"max_p59": 1.0})
    assert header_fault(header) == unknown("target", "max_p59", LIMITS)
    assert header_fault(structs.replace(HEADER, targets=dict.fromkeys(LIMITS, 1.0))) is None


MIB = 1 << 20
TORCHS = Memory(
    1,
    cuda_load_peak_bytes=500 * MIB,
    cuda_serving_peak_bytes=600 * MIB,
    cuda_serving_allocated_peak_bytes=550 * MIB,
)


@pytest.mark.parametrize(
    ("more", "under_load", "found"),
    [
        ({"cuda_process_bytes": 1100 * MIB, "cuda_device_bytes": 5}, None, 1100),
        ({"cuda_process_bytes": 1100 * MIB}, 580 * MIB, 1100),
        ({"cuda_process_bytes": 1100 * MIB}, 900 * MIB, 1100 + 300),
        ({"cuda_device_bytes": 1000 * MIB}, None, 1000 + 100),  # the driver of many containers names no process
        ({"cuda_device_bytes": 1000 * MIB}, 900 * MIB, 1000 + 100 + 300),
    ],
)
def test_what_has_to_fit_on_a_gpu_is_all_that_the_process_takes_there(
    more: dict[str, int], under_load: int | None, found: int
) -> None:
    row = replace(rows()["good"], memory=structs.replace(TORCHS, **more))
    row = replace(row, loads=tuple(replace(load, cuda_peak_bytes=under_load) for load in row.loads))
    assert READERS["vram"](row) == Figure(found * MIB)


@pytest.mark.parametrize(("limit", "kept"), [(599, "missed"), (4096, "unsure")])
def test_where_only_torchs_own_memory_is_known_the_process_takes_more(limit: int, kept: str) -> None:
    row = replace(rows()["good"], memory=TORCHS)
    (held,) = judged(row, {"max_vram": limit * MIB}).targets
    assert held.kept == kept


def test_a_process_on_a_cpu_takes_nothing_of_a_gpu() -> None:
    assert READERS["vram"](replace(rows()["good"], memory=Memory(1, rss_serving_peak_bytes=MIB))) is None
