"""The claims of made-up records, to the letter (`UPDATE_GOLDEN=1` writes them anew)."""

from __future__ import annotations

import os
from pathlib import Path

from made_up import HEADER, measured
from msgspec.structs import replace

from harness.analyse.claims import judge
from harness.analyse.compare import compare
from harness.record import Cell, Difference, Failed, Record, Skipped
from harness.report import claims

EXPECTED = Path(__file__).parent / "claims.md"
ALL = "lean_startup+flash_attention+segmented_forward+dynamic_truncation+batching+torchscript"
# How many times as slow as stock: of the baseline's 4, TorchScript as published keeps all, done right a half.
SCALES = {
    "baseline": 4.0,
    "stock": 1.0,
    "torchscript_as_published": 4.0,
    "torchscript": 2.0,
    "flash_attention": 3.0,
    "dynamic_truncation": 1.0,
    "batching_as_published": 4.0,
    "batching": 1.0,
    "segmented_forward": 4.4,
    "lean_startup": 4.0,
    "torchscript+flash_attention+dynamic_truncation": 0.8,
    ALL: 0.7,
    "int8": 3.0,
    "pruning": 4.0,
}
FAILED = "flash_attention_as_published"
SKIPPED = "cpu_fallback"
WRONG = "dynamic_truncation_as_published"


def test_the_claims_are_as_they_were() -> None:
    header = replace(
        HEADER,
        suite="claims",
        command="uiebench run claims",
        exact={name: name != "int8" for name in (*SCALES, WRONG, FAILED, SKIPPED)},
        environment={},
        text_characters=[20] * 40 + [200] * 10,
    )
    records: list[Record] = [
        *(record for name, scale in SCALES.items() for record in measured(name, scale)),
        *measured(WRONG, 0.5, Difference("t3", tie=False, expected=[], got=[[]])),
        Failed(Cell(FAILED, "single_stream", "texts", "cpu"), 0, "error", "NotImplementedError: Module.forward"),
        Skipped(Cell(SKIPPED, "single_stream", "texts", "cpu"), 0, "cpu_fallback: there is no GPU to fall back from"),
    ]
    rows, _ = compare(header, records)
    found = claims.render(header, judge(header, records, rows))
    if os.environ.get("UPDATE_GOLDEN"):
        EXPECTED.write_text(found, encoding="utf-8")
    assert found == EXPECTED.read_text(encoding="utf-8")
