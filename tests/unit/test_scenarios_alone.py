"""A suite may measure any scenario alone: its run is sound, and every report shows what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import get_args

import pytest
from made_up import HEADER, RECORDS
from msgspec.structs import replace

from harness.analyse.compare import compare
from harness.analyse.entries import entries
from harness.analyse.gate import Against, judge
from harness.analyse.recommend import Constraints, main_objective, recommend
from harness.analyse.rules import Rule
from harness.analyse.runs import side_by_side
from harness.analyse.shifts import Shifts
from harness.analyse.view import View, view
from harness.cli.report import show
from harness.errors import InputError
from harness.plan.short_forms import short_forms
from harness.record import Cell, ColdStart, Failed, Load, Measured, Offline, Record, Scenario
from harness.report import html, markdown
from harness.report.advice import advice
from harness.report.formats import Run, csv, formats, json
from harness.report.recommend import lines
from harness.report.runs import render as side
from harness.report.table import summary
from harness.run.store import Store

SCENARIOS: Sequence[str] = get_args(Scenario)
ALONE = [*[(one,) for one in SCENARIOS], *combinations(SCENARIOS, 2)]
SOUND = ("baseline", "stock", "good", "better", "better+good")
HEAD = replace(HEADER, exact=dict.fromkeys((*SOUND, "broken", "absent"), True))


def of(scenarios: Sequence[str]) -> list[Record]:
    return [
        one
        for one in RECORDS
        if one.cell.combination in HEAD.exact and (not isinstance(one, Measured) or one.cell.scenario in scenarios)
    ]


def stored(directory: Path, records: Sequence[Record]) -> Path:
    directory.mkdir(exist_ok=True)
    store = Store(directory)
    for line in (HEAD, *records):
        store.append(line)
    return directory


def seen(*scenarios: str) -> View:
    return view(HEAD, of(scenarios), [])


@pytest.mark.parametrize("scenarios", [*ALONE[1:4], ("offline", "cold_start")], ids="+".join)
def test_a_sound_run_of_any_scenario_is_no_failure(scenarios: tuple[str, ...], tmp_path: Path) -> None:
    run = stored(tmp_path / "run", of(scenarios))
    assert show(run) == 0
    assert ": not measured" not in (run / "report.md").read_text(encoding="utf-8")
    page = (run / "report.html").read_text(encoding="utf-8")
    assert page.count('<tr data-state="none"') == 2  # the one that broke and the one that cannot run here
    charts = {path.stem for path in (run / "charts").glob("*.svg")}
    expected = {"closed_loop": "throughput", "offline": "throughput", "cold_start": "start"}
    assert {expected[one] for one in scenarios} <= charts


@pytest.mark.parametrize("scenarios", ALONE, ids="+".join)
def test_every_row_says_what_was_measured(scenarios: tuple[str, ...]) -> None:
    run = seen(*scenarios)
    for row, said in zip(run.rows, summary(run.rows), strict=True):
        assert row.measured == (row.combination in SOUND)
        assert "not measured" not in said
        assert "None" not in said
    assert "nan" not in markdown.render(run)
    assert html.render(run, {}, None)
    shown = Run(run.header, run.records, run.rows, datetime(2026, 3, 1, tzinfo=UTC))
    assert len(csv.of_run(shown).splitlines()) == 8
    assert json.of_run(shown).count('"speed_counts": true') == 5
    assert "| good |" in side(side_by_side({"a": run, "b": seen("offline")}), absolute=True)
    for one in formats().values():
        assert not one.for_reports or one.report(shown)


@pytest.mark.parametrize(
    ("scenario", "said"),
    [
        ("closed_loop", "Switch on better+good: 198 texts/s with 3 clients (4.17 ["),
        ("offline", "Switch on better+good: 198 texts/s in one call (4.17 ["),
    ],
)
def test_the_advice_is_about_what_was_measured(scenario: str, said: str) -> None:
    found = advice(seen(scenario).rows)
    assert found.startswith(said)
    assert found.endswith("No answer changed on 50 texts (95 % bound: at most 7.1 % of such texts change).")


def test_of_cold_starts_alone_no_answer_is_promised() -> None:
    same = seen("cold_start")
    assert advice(same.rows) == "Switch on nothing: no combination of this run starts clearly faster than stock."
    quick = [
        replace(one, samples=ColdStart([replace(one.samples.own[0], imports_ns=10**8)] * 5, one.samples.partner))
        if isinstance(one, Measured) and isinstance(one.samples, ColdStart) and one.cell.combination == "good"
        else one
        for one in same.records
    ]
    said = advice(view(HEAD, quick, []).rows)
    assert said.startswith("Switch on good: a cold start of 0.7 s. Its answers were not compared.")


@pytest.mark.parametrize(
    ("scenario", "objective"),
    [("single_stream", "time"), ("closed_loop", "qps"), ("offline", "offline"), ("cold_start", "cold_start")],
)
def test_a_recommendation_is_by_what_was_measured(scenario: str, objective: str) -> None:
    rows = seen(scenario).rows
    assert main_objective(rows) == objective
    found = recommend(rows, Constraints(), main_objective(rows))
    assert found.best is not None
    assert found.best.combination == ("stock" if scenario == "cold_start" else "better+good")
    assert all("not measured" not in line for line in lines(found, Constraints(), short_forms([])))
    if scenario != "single_stream":
        with pytest.raises(InputError, match=f"did not measure time; choose another objective .*{objective}"):
            recommend(rows, Constraints())


def test_what_failed_in_any_round_is_not_recommended() -> None:
    failed = Failed(Cell("better+good", "offline", "texts", "cpu"), 1, "crash", "it died")
    rows = view(HEAD, [*of(("offline",)), failed], []).rows
    found = recommend(rows, Constraints(), "offline")
    assert found.best is not None
    assert found.best.combination == "better"
    assert "better+good" not in advice(rows)


@pytest.mark.parametrize("scenarios", ALONE, ids="+".join)
def test_a_gate_judges_parity_wherever_texts_are_answered(scenarios: tuple[str, ...]) -> None:
    found = entries(HEAD, of(scenarios))
    shifts = Shifts(found, found, paired=False, assumed_sd=0.03)
    verdicts = {one.verdict for one in judge([Rule("parity")], found, Against(found, "b", paired=False), shifts)}
    assert verdicts == {"pass", "skipped"}


def test_other_answers_in_one_call_alone_strike_the_rate_out(tmp_path: Path) -> None:
    (wrong,) = [one for one in RECORDS if one.cell.combination == "wrong" and one.cell.scenario == "single_stream"]
    assert isinstance(wrong, Measured)
    samples = Offline([Load(10**9)], [Load(2 * 10**9)], wrong.samples.parity)  # type: ignore[union-attr]
    record = Measured(Cell("good", "offline", "texts", "cpu"), 1, samples)
    rows, _ = compare(HEAD, [*of(("offline",)), record])
    (said,) = [line for line in summary(rows) if line.startswith("good:")]
    assert said == "good: gives other answers than the baseline on 1 of 50 texts (t3), so its speed does not count."
    run = stored(tmp_path / "run", [*of(("offline",)), record])
    assert show(run) == 0
    assert "| ~~" in (run / "report.md").read_text(encoding="utf-8")


def test_a_run_whose_baseline_gave_nothing_still_fails(tmp_path: Path) -> None:
    broken = Failed(Cell("baseline", "offline", "texts", "cpu"), 0, "crash", "it died")
    records = [one for one in of(("offline",)) if one.cell.combination != "baseline"]
    assert show(stored(tmp_path / "run", [broken, *records])) == 1
