"""The probe on a CPU, and what it makes of a device's trace."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from gpu import probe
from gpu.out_of_memory import is_right, outcomes
from gpu.trace import Event, busy_us, seen
from harness.plan.combination import conflict, parse
from harness.plan.registry import find_optimizations
from harness.record import BASELINE, STOCK, Cell, ColdStart, Failed, Measured, Record, Skipped


def test_launches_copies_and_waits_are_counted_by_request() -> None:
    events = [
        *[Event("cudaLaunchKernel", "cuda_runtime", i) for i in range(4)],
        Event("cuLaunchKernelEx", "cuda_driver", 9),
        Event("cudaGraphLaunch", "cuda_runtime", 10),
        Event("cudaStreamSynchronize", "cuda_runtime", 11),
        Event("cudaMemcpyAsync", "cuda_runtime", 12),
        Event("cudaLaunchKernel", "ac2g", 1),  # an arrow in the picture
        Event("Memcpy HtoD (Pinned -> Device)", "gpu_memcpy", 0, 10),
        Event("Memcpy DtoH (Device -> Pageable)", "gpu_memcpy", 100, 10),
        Event("gemm", "kernel", 5, 20),
        Event("gemm", "kernel", 40, 10),
        Event("softmax", "kernel", 45, 10),
    ]
    found = seen(events, 2)
    assert (found.launches, found.graph_launches, found.waits) == (3, 0.5, 0.5)
    assert (found.copies_in, found.copies_out, found.copies_within) == (0.5, 0.5, 0)
    assert found.busy_us == (25 + 15 + 10) / 2
    assert [(one.name, one.calls, one.us) for one in found.kernels] == [("gemm", 1, 15), ("softmax", 0.5, 5)]


def test_a_device_is_busy_once_where_two_things_run() -> None:
    assert busy_us([Event("", "", 0, 10), Event("", "", 2, 3), Event("", "", 8, 4), Event("", "", 20, 1)]) == 13
    assert busy_us([]) == 0


def test_what_is_probed_can_be_combined() -> None:
    for _, combination in probe.PROBED.values():
        if combination:
            assert conflict(parse(combination, find_optimizations())) is None


def test_the_probe_on_a_cpu(
    golden: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--device", "cpu", "--checkpoint", str(golden), "--only", "stock", "exact", "exact, captured"]
    monkeypatch.setattr(sys, "argv", ["probe", *arguments, "--out", str(tmp_path)])
    monkeypatch.setattr(probe, "OTHER_TEXTS", 1)
    monkeypatch.setattr(probe, "REQUESTS", 1)
    probe.main()
    found = json.loads((tmp_path / "probe.json").read_text(encoding="utf-8"))
    assert "this is cpu" in found["exact, captured"]["not_here"]
    for name in ("stock", "exact"):
        assert 0 < found[name]["largest_logit_error"] < 1e-4
        assert found[name]["request_ms"] > found[name]["launches"] == 0
    stock, exact = (found[name]["pretended"] for name in ("stock", "exact"))
    assert 0 < exact["launches"] < stock["launches"]
    assert 0 < exact["synchronisations"] <= stock["synchronisations"]
    assert f"a request to a pretended device: {stock['launches']} launches, " in capsys.readouterr().out


def test_one_that_breaks_leaves_the_others(golden: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "probed", lambda *_: 1 / 0)
    monkeypatch.setattr(probe, "OTHER_TEXTS", 1)
    found = dict(probe.probes(golden, "cpu", ["stock", "exact"]))
    assert all("ZeroDivisionError" in one["broke"] for one in found.values())
    assert len(found) == 2


@pytest.mark.parametrize(
    ("device", "became", "right"),
    [
        ("cuda", "out_of_memory", True),
        ("cuda", "error", False),
        ("cuda", "skipped", False),
        ("cpu", "skipped", True),
        ("cuda:0", None, False),
    ],
)
def test_only_the_starved_one_may_run_out_of_memory(device: str, became: Any, right: bool) -> None:
    def cell(name: str) -> Cell:
        return Cell(name, "cold_start", "article", device)

    records: list[Record] = [Measured(cell(name), 0, ColdStart()) for name in (BASELINE, STOCK)]
    if became == "skipped":
        records.append(Skipped(cell("starved"), 0, "it takes away device memory"))
    elif became is not None:
        records.append(Failed(cell("starved"), 0, became, "no room"))
    assert is_right(outcomes(records), device) is right
    broken = [*records[1:], Failed(cell(BASELINE), 0, "out_of_memory", "no room")]
    assert not is_right(outcomes(broken), device)
