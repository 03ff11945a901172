"""A peer is planned and shown as a row, and is never what a run advises."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from made_up import HEADER, RECORDS, measured
from msgspec.structs import replace

from harness.analyse.compare import compare, ratios
from harness.analyse.recommend import Constraints, recommend
from harness.analyse.winner import contenders
from harness.errors import SuiteError
from harness.gate.planned import planned as planned_there
from harness.plan import peers
from harness.plan.cells import Planned, plan_cells
from harness.plan.combination import parse
from harness.plan.registry import Registry, find_optimizations
from harness.plan.suite import Combinations, Measure, Suite, Texts, find_suite
from harness.record import Memory, Record, SingleStream
from harness.report.advice import advice
from harness.report.charts.ladder import ladder
from harness.report.table import details
from harness.run.stopping import most_confirming

ROOT = Path(__file__).parents[2]
PEER = "peer:modelscope"
RUN: list[Record] = [*RECORDS, *measured(PEER, 0.01)]  # by far the fastest
RUN_HEADER = replace(HEADER, exact={**HEADER.exact, PEER: True})


def plan(*include: str, device: str = "cpu") -> dict[str, Planned]:
    suite = Suite(Texts(["article"]), Combinations(design="explicit", include=list(include)))
    return {one.combination: one for one in plan_cells(suite, Registry([]), device)}


def test_it_is_planned_as_a_row_that_needs_an_interpreter() -> None:
    found = plan(PEER)[PEER]
    assert found.reason == peers.NO_PYTHON
    assert [cell.combination for cell in found.cells] == [PEER, PEER]
    assert found.exact
    assert not plan(PEER, device="cuda")[PEER].exact  # it computes there in half precision, as the reference does


@pytest.mark.parametrize("written", ["peer:modelscop", "peer:", "peer:modelscope+batching"])
def test_an_unknown_one_is_told_by_the_names_there_are(written: str) -> None:
    with pytest.raises(SuiteError, match=r"unknown peer .*\(known: modelscope\)"):
        plan(written)


def test_it_is_no_combination_of_optimizations() -> None:
    with pytest.raises(SuiteError, match="a program of its own"):
        parse(PEER, find_optimizations())


def test_a_gates_other_revision_plans_it_too() -> None:
    assert planned_there(str(find_suite("peers")), [], "cpu")["combinations"][PEER] == peers.NO_PYTHON


def test_a_module_that_a_distribution_names_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [
        EntryPoint("theirs", "json.decoder", peers.GROUP),
        EntryPoint("gone", "no_such_module_here", peers.GROUP),
        EntryPoint("built_in", "sys", peers.GROUP),
    ]
    monkeypatch.setattr("harness.extensions.entry_points", lambda group: [one for one in points if one.group == group])
    with pytest.warns(UserWarning, match="was left out") as told:
        found = peers.find_peers()
    assert sorted(found) == ["modelscope", "theirs"]
    assert found["theirs"].name == "decoder.py"
    assert len(told) == 2


def test_its_side_needs_nothing_that_is_installed_here() -> None:
    """No site-packages are looked in, as in the environment of another program."""
    code = f"""
import sys, types
ours = sys.modules["harness"] = types.ModuleType("harness")
ours.__path__ = [{str(ROOT / "harness")!r}]
import harness.peers._worker, harness.peers.modelscope
print([name for name in sys.modules if (getattr(sys.modules[name], "__file__", "") or "").find("-packages") > 0])
"""
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "[]", "")


def test_the_fastest_row_is_not_switched_on_where_it_is_a_peer() -> None:
    rows, _ = compare(RUN_HEADER, RUN)
    row = next(row for row in rows if row.combination == PEER)
    assert row.latency is not None
    assert row.latency.to_stock.value == pytest.approx(0.01)
    assert row.sound
    assert PEER not in advice(rows)
    assert advice(rows).startswith("Switch on better+good")
    found = recommend(rows, Constraints())
    assert found.best is not None
    assert found.best.combination == "better+good"
    assert (found.among, PEER in found.alike, PEER in found.refused) == (5, False, False)


def test_nothing_that_is_about_optimizations_counts_it() -> None:
    rows, _ = compare(RUN_HEADER, RUN)
    assert contenders(RUN_HEADER.exact, ratios(RUN), RUN)[0] == "better+good"
    assert most_confirming([Planned(PEER, exact=True, cells=())], Measure(confirm=4)) == 0
    assert all(PEER not in added for added, _ in ladder([rows[-1], *rows]))


def test_weights_that_it_does_not_tell_are_not_made_up() -> None:
    stream, *rest = measured(PEER, 1)
    assert isinstance(stream.samples, SingleStream)  # type: ignore[union-attr]
    unknown = replace(stream, samples=replace(stream.samples, memory=Memory(weights_bytes=None)))  # type: ignore[union-attr]
    rows, _ = compare(RUN_HEADER, [*RECORDS, unknown, *rest])
    shown = details(next(row for row in rows if row.combination == PEER))
    assert {shown[name].text for name in ("weights in memory", "GFLOP per request", "of the roofline")} == {"–"}
