"""What a report says of the ceilings, of new records and of earlier ones."""

from __future__ import annotations

from typing import Any

import pytest
from made_up import HEADER, RECORDS
from msgspec.structs import replace

from harness.analyse.roofline import NO_CEILINGS, ceilings_of
from harness.analyse.view import view
from harness.errors import InputError
from harness.record import Header
from harness.report.ceilings import ceilings
from harness.report.html import render as page
from harness.report.markdown import render

OLD: dict[str, Any] = {"flops_per_s": {"float32": 9.2e10, "int8": 3e11}, "bytes_per_s": 2e10}
NEW: dict[str, Any] = {
    "flops_per_s": {"float32": 2.45e11, "int8": 8.8e11},
    "bytes_per_s": 2e10,
    "ways": {
        "float32": {"torch.matmul": 1.05e11, "oneDNN packed": 2.45e11, "F.linear": 1.02e11},
        "int8": {"dynamic quantization": 8.8e11},
    },
    "left_out": {"torch.matmul (bfloat16)": "the processor has no instructions that multiply bfloat16"},
}


def of(found: Any) -> Header:
    return replace(HEADER, environment={"worker": {"ceilings": found}})


def test_each_ceiling_is_said_with_the_way_that_gave_it_and_what_the_others_gave() -> None:
    assert list(ceilings(of(NEW))) == [
        "Ceilings: float32 245 GFLOP/s (oneDNN packed; torch.matmul 105, F.linear 102); "
        "int8 880 GFLOP/s (dynamic quantization); memory 20 GB/s.",
        "Matrix products that were left out: torch.matmul (bfloat16): the processor has no instructions that multiply "
        "bfloat16.",
    ]


def test_what_a_launch_takes_is_said_where_there_is_a_device() -> None:
    said, _ = ceilings(of({**NEW, "launch_s": 3.14e-6}))
    assert said.endswith("memory 20 GB/s; a launch takes at least 3.14 µs.")


def test_of_earlier_records_it_is_said_that_only_torchs_own_product_was_measured() -> None:
    said, warned = ceilings(of(OLD))
    assert said == "Ceilings: float32 92 GFLOP/s; int8 300 GFLOP/s; memory 20 GB/s."
    assert warned.startswith("This run measured only torch's own matrix products.")
    assert warned.endswith("the shares of the roofline are too high.")


def test_why_there_are_no_ceilings_is_said() -> None:
    (said,) = ceilings(replace(HEADER, environment={"worker": {NO_CEILINGS: "crash: the worker ended"}}))
    assert "could not be measured" in said
    assert "crash: the worker ended" in said


def test_a_run_without_ceilings_says_nothing_of_them() -> None:
    assert list(ceilings(HEADER)) == []


def test_both_reports_say_it_and_name_the_processor() -> None:
    named = {"processor": "AMD EPYC", "processor_model": "family 26, model 2", "instruction_sets": ["avx512f"]}
    run = view(replace(HEADER, environment={**of(NEW).environment, **named}), RECORDS, [])
    for written in (render(run), page(run, {}, {})):
        assert "float32 245 GFLOP/s (oneDNN packed; torch.matmul 105" in written
        assert "On cpu, AMD EPYC (family 26, model 2; AVX-512)" in written


@pytest.mark.parametrize(
    "found",
    [5, [], {}, {**OLD, "bytes_per_s": "much"}, {**OLD, "ways": {"float32": 1}}, {**OLD, "launch_s": "short"}],
)
def test_ceilings_that_cannot_be_read_are_named(found: Any) -> None:
    with pytest.raises(InputError, match="run 'example' holds ceilings that cannot be read"):
        ceilings_of(of(found))
