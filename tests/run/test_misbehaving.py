"""Whatever a plugin does is a fault with its reason, and never the end of the worker without a word."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from misbehaving import APPLYING, EVIDENCE, EXACT, UNAVAILABLE

from harness.cli import main
from harness.plan.cells import plan_cells
from harness.plan.registry import find_optimizations
from harness.plan.suite import Suite
from harness.record import Failed
from harness.run import protocol as say
from harness.run.executors.local import LocalExecutor
from harness.run.serving import serve
from harness.run.worker import obey

PLUGINS = Path(__file__).parent / "misbehaving.py"
SAID = {
    "nan": "figure 'share' is nan",
    "infinite": "figure 'share' is inf",
    "none_figure": "figure 'share' is None",
    "text_figure": "figure 'share' is of type str",
    "nested_figure": "figure 'share' is of type list",
    "bool_figure": "figure 'share' is of type bool",
    "numpy_figure": "figure 'share' is of type numpy.float64",
    "torch_figure": "figure 'share' is of type torch.Tensor",
    "huge_figure": "figure 'share' is beyond 2**53",
    "changed_figure": "figure 'share' is nan",
    "surrogate_figure": "lone surrogate",
    "number_for_a_name": "the name of a figure is of type int",
    "no_figures": "figures is None",
    "surrogate": "summary holds a lone surrogate",
    "bytes_summary": "summary is of type bytes",
    "numpy_active": "active is of type numpy.bool",
    "another_name": "it is about 'batching'",
    "a_tuple": "it is of type tuple",
    "nothing": "it is of type NoneType",
    "a_subclass": "it is of type Elsewhere",
    "raises_surrogate": r"half \ud800 a character",
    "raises_no_message": "its message cannot be read",
    "raises_much": "much much",
    "exits": "SystemExit: 0",
    "interrupts": "KeyboardInterrupt",
    "stops_generating": "GeneratorExit",
    "recurses": "RecursionError",
    "applied_exits": "SystemExit: enough",
    "applied_interrupts": "KeyboardInterrupt",
    "applied_to_nothing": "it returned NoneType",
    "applied_needs_more": "missing 1 required positional argument",
    "cannot_say": "OSError: no driver",
    "exits_when_asked": "SystemExit: 3",
}


def replies(golden: Path, combination: str) -> list[say.Reply]:
    """What a worker says that is to come up and to show that its combination is active."""
    job = say.Job(
        combination=combination,
        checkpoint=str(golden),
        device="cpu",
        threads=1,
        plugins=[str(PLUGINS)],
        texts=["售价三百元"],
        schemas=['{"价格": null}'],
        timed=1,
        spawned_ns=0,
    )
    commands, told = io.BytesIO(say.to_line(job) + say.to_line(say.Prove())), io.BytesIO()
    serve(commands, told, obey)
    return [say.read_reply(line) for line in told.getvalue().splitlines()]


@pytest.mark.parametrize("name", [*EVIDENCE, *APPLYING, *UNAVAILABLE])
def test_it_is_told_as_a_fault_that_names_the_plugin(golden: Path, name: str) -> None:
    *before, last = replies(golden, f"dynamic_truncation+{name}")
    assert [type(one) for one in before] == ([say.Ready] if name in EVIDENCE else [])
    assert isinstance(last, say.Fault)
    assert last.kind == "error"
    assert SAID[name] in last.error
    assert name in last.error
    assert len(last.error) < 5000


def test_of_a_promise_that_breaks_every_cell_is_a_failure_and_the_others_run() -> None:
    optimizations = [*EXACT, "batching"]
    suite = msgspec.convert(
        {"combinations": {"optimizations": optimizations}, "texts": {"datasets": ["business/test"]}}, Suite
    )
    plan = {one.combination: one for one in plan_cells(suite, find_optimizations([PLUGINS]), "cpu")}
    assert plan["batching"].fault is None
    for name in EXACT:
        record, *_ = LocalExecutor(cast("Any", None)).round(plan[name], 0, cast("Any", None))
        assert isinstance(record, Failed)
        assert (record.kind, record.cell.combination) == ("error", name)
        assert f"{name}: its `exact`" in record.error


def test_plugins_whose_promise_breaks_are_listed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["uiebench", "list", "--plugin", str(PLUGINS)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert "promise_breaks: its `exact` breaks with KeyError" in capsys.readouterr().out
