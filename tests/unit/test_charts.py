from __future__ import annotations

import re
import tomllib
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import msgspec
import numpy as np
import pytest
from made_up import HEADER, RECORDS
from matplotlib import font_manager
from matplotlib.text import Text
from msgspec.structs import replace as changed
from test_advice import OTHERS, row
from typer.testing import CliRunner

from harness.analyse.attribution import parts
from harness.analyse.effects import tells_pairs
from harness.analyse.rows import Row, Throughput
from harness.analyse.stats import Estimate
from harness.analyse.view import View, view
from harness.cli.app import app
from harness.errors import InputError
from harness.plan.cells import plan_cells
from harness.plan.registry import find_optimizations
from harness.plan.suite import Measure, Suite, find_suite, read_suite, suite_names
from harness.profile import PARTS, Profile, Traffic
from harness.record import (
    STOCK,
    ClosedLoop,
    ColdStart,
    Difference,
    Load,
    Measured,
    Parity,
    Record,
    Scenario,
    SingleStream,
)
from harness.report.charts import draw, find_kind, kinds, memory_over_time, save, save_all
from harness.report.charts.pareto import front
from harness.report.drawing import fonts
from harness.report.drawing.lines import MOST, notable
from harness.report.markdown import render
from harness.report.table import folded
from harness.run.store import Store
from harness.work import PassWork, Work

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOAD = Throughput("closed_loop", 3, 12.5, Estimate(1.2, 1.1, 1.3, 0.001), 1e6, None)
LONG = "flash_attention+segmented_forward+dynamic_truncation+batching+torchscript+lean_startup"
ROWS = [*OTHERS, replace(row(LONG, 0.6), loads=(LOAD,))]
RUNGS = [*OTHERS, row("b", 0.9), row("a+b", 0.5), row("a+c", 0.1), row("a+b+c", 0.7)]
OF_ROWS = ("ratio", "latency", "throughput", "memory")
PROFILE = Profile({part: [1_000_000] * 50 for part in PARTS}, 10**7, [2**28, 2**29, 2**28])
WORK = PassWork(Work(50 * 10**9, 50 * 10**8), Work(100 * 10**9, 50 * 10**8))
CEILINGS = {"ceilings": {"flops_per_s": {"float32": 1e12}, "bytes_per_s": 1e10}}


def of(rows: list[Row]) -> View:
    return replace(view(HEADER, RECORDS, []), rows=rows, records=[], found=None)


def whole() -> View:
    """A run with all that any chart needs."""
    records: list[Record] = []
    for record in RECORDS:
        samples = record.samples if isinstance(record, Measured) else None
        if isinstance(record, Measured) and isinstance(samples, SingleStream):
            record = changed(record, samples=changed(samples, profile=PROFILE, work=WORK))
        records.append(record)
        if isinstance(record, Measured) and isinstance(samples, ClosedLoop):
            loads = [Load(2 * one.wall_ns, [2 * ns for ns in one.request_ns]) for one in samples.own]
            more = ClosedLoop(8, loads, samples.partner, Parity(50))
            records.append(Measured(changed(record.cell, clients=8), 0, more))
    names = ("good", "better", "better+good", "third", "good+third", "better+third", "better+good+third")
    cells = {one.cell.combination for one in records}
    like = [one for one in records if one.cell.combination == "better"]
    records += [
        changed(one, cell=changed(one.cell, combination=name)) for name in names if name not in cells for one in like
    ]
    header = changed(
        HEADER,
        exact=HEADER.exact | dict.fromkeys(names, True),
        environment={"worker": CEILINGS},
        text_characters=list(range(10, 60)),
    )
    return view(header, records, [])


def drawn(kind: str, run: View) -> Figure:
    figure = draw(find_kind(kind), run)
    assert figure is not None
    return figure


def labels(kind: str, rows: list[Row]) -> list[str]:
    """The names beside the rows, also where a matrix stands for them."""
    axes, *rest = drawn(kind, of(rows)).axes
    if not rest:
        return [text.get_text().replace("\n", "") for text in axes.get_yticklabels()]
    (beside,) = rest
    columns = [text.get_text() for text in beside.get_xticklabels()]
    names = {text.get_position()[1]: text.get_text() for text in beside.texts}
    for line in beside.lines:
        across, down = np.asarray(line.get_data(), dtype=int).tolist()
        names[down[0]] = "+".join(columns[column] for column in across)
    return [names[place] for place in sorted(names)]


@pytest.mark.parametrize("kind", OF_ROWS)
def test_a_chart_names_its_combinations_and_its_unit(kind: str) -> None:
    expected = [LONG] if kind == "throughput" else ["baseline", "stock", LONG]
    assert labels(kind, ROWS) == expected
    assert drawn(kind, of(ROWS)).axes[0].get_xlabel()


def test_a_roof_is_named_with_the_way_that_reached_it_where_ways_were_measured() -> None:
    run = whole()
    roofs = {"ways": {"float32": {"torch.matmul": 5e11, "oneDNN packed": 1e12}}}
    known = changed(run.header, environment={"worker": {"ceilings": {**CEILINGS["ceilings"], **roofs}}})
    for header, said in ((run.header, "1e+03 GFLOP/s (float32)"), (known, "1e+03 GFLOP/s (float32, oneDNN packed)")):
        texts = {one.get_text() for one in drawn("roofline", view(header, run.records, [])).axes[0].texts}
        assert said in texts


def test_on_a_device_each_point_has_a_roof_of_its_launches() -> None:
    run = whole()
    ceilings = {**CEILINGS["ceilings"], "launch_s": 1e-5}
    header = changed(run.header, environment={"worker": {"ceilings": ceilings}})
    counted = changed(PROFILE, traffic=[Traffic(launches=1000)] * 50)  # a request of 1 GFLOP in at least 10 ms
    records = [
        changed(one, samples=changed(one.samples, profile=counted))
        if isinstance(one, Measured) and isinstance(one.samples, SingleStream)
        else one
        for one in run.records
    ]
    points, bars = drawn("roofline", view(header, records, [])).axes[0].collections
    heights = np.asarray(bars.get_offsets())[:, 1]
    assert len(heights) == len(np.asarray(points.get_offsets()))
    assert heights == pytest.approx(100)
    (points,) = drawn("roofline", view(run.header, run.records, [])).axes[0].collections


def test_a_cold_start_on_a_gpu_has_its_context_apart_in_chart_and_report() -> None:
    run = whole()
    records: list[Record] = []
    for one in run.records:
        samples = one.samples if isinstance(one, Measured) else None
        if isinstance(one, Measured) and isinstance(samples, ColdStart):
            one = changed(one, samples=changed(samples, own=[changed(s, context_ns=2 * 10**9) for s in samples.own]))
        records.append(one)
    on_gpu = view(run.header, records, [])
    for of_run, cut, took in (
        (run, ["imports", "weights", "first call"], "1.50 s"),
        (on_gpu, ["imports", "context", "weights", "first call"], "3.50 s"),
    ):
        axes = drawn("start", of_run).axes[0]
        legend = axes.get_legend()
        assert legend is not None
        assert [text.get_text() for text in legend.get_texts()] == cut
        assert {text.get_text() for text in axes.texts} == {took}
        written = render(of_run)
        assert ("the process), the context on the GPU, weights" in written) == ("| context |" in written)
        assert ("| context |" in written) == ("context" in cut)


def test_the_ladder_takes_one_more_at_each_rung() -> None:
    assert labels("ladder", RUNGS) == ["baseline", "+ b", "+ a", "+ c"]
    assert [text.get_text() for text in drawn("ladder", of(RUNGS)).axes[0].texts] == ["0.900", "0.500", "0.700"]


def test_two_rungs_are_no_ladder() -> None:
    assert draw(find_kind("ladder"), of(RUNGS[:4])) is None


@pytest.mark.parametrize("kind", ["ratio", "latency", "throughput"])
def test_a_speed_of_other_answers_is_not_drawn(kind: str) -> None:
    wrong = replace(ROWS[2], broken=(Difference("t", tie=False, expected=[], got=[]),))
    figure = draw(find_kind(kind), of([*OTHERS, wrong]))
    assert figure is None or LONG not in labels(kind, [*OTHERS, wrong])


@pytest.mark.parametrize("kind", kinds())
def test_nothing_measured_is_no_chart(kind: str) -> None:
    assert draw(find_kind(kind), of([replace(row("a", 1), latency=None, memory=None, starts=())])) is None


@pytest.mark.parametrize("kind", kinds())
def test_every_kind_is_drawn_with_a_title_and_its_axes_named(kind: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        axes = drawn(kind, whole()).axes[0]
    assert axes.get_title(loc="left")
    assert axes.get_xlabel() or kind == "interactions"


@pytest.mark.parametrize("kind", ["latency", "memory", "start"])
def test_no_legend_covers_a_title(kind: str) -> None:
    figure = drawn(kind, of(ROWS))
    figure.draw_without_rendering()
    axes = figure.axes[0]
    written = axes.get_title(loc="left") or figure.get_suptitle()
    (title,) = (one for one in figure.findobj(Text) if one.get_text() and one.get_text() == written)
    legend = axes.get_legend()
    assert legend is None or not legend.get_window_extent().overlaps(title.get_window_extent())


def test_where_some_points_have_no_number_the_list_says_which_have_one() -> None:
    def listed(rows: list[Row]) -> str:
        return drawn("pareto", of(rows)).axes[0].texts[-1].get_text()

    assert "Only" not in listed(OTHERS)
    assert listed([*OTHERS, row("larger", 1, memory=1 << 31)]).endswith(
        "Only the front, baseline and stock\nhave a number."
    )


def test_every_chart_is_saved_as_png_and_svg(tmp_path: Path) -> None:
    saved = save_all(whole(), tmp_path / "charts")
    assert {path.stem for path in saved} == set(kinds())
    for path in saved:
        assert path.read_bytes().startswith(b"\x89PNG")
        assert "<svg" in path.with_suffix(".svg").read_text()


@pytest.mark.parametrize("kind", ["pareto", "parts", "shapley"])
def test_the_same_run_gives_the_same_bytes(kind: str, tmp_path: Path) -> None:
    for name in ("one.svg", "other.svg"):
        save(drawn(kind, whole()), tmp_path / name, "svg", kind)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "other.svg").read_bytes()


def test_a_chart_alone_in_the_format_that_is_asked_for(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for line in (HEADER, *RECORDS):
        store.append(line)
    file = tmp_path / "pareto.pdf"
    said = CliRunner().invoke(app, ["chart", str(tmp_path), "--kind", "pareto", "-o", str(file)])
    assert said.stdout == f"Chart: {file}\n"
    assert file.read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--kind", "paretto"], "unknown chart 'paretto'; did you mean 'pareto'"),
        (["--kind", "pareto", "--format", "gif"], "the formats are svg, png, pdf"),
        (["--kind", "interactions"], "needs all combinations, as in the suite full"),
        (["--kind", "parts"], "needs the scenario single_stream, in a suite like demo; early runs did not"),
        (["--kind", "memory_over_time"], "needs the scenario single_stream, in a suite like demo; early runs did not"),
        (["--kind", "roofline"], "needs the scenario single_stream, in a suite like demo; early runs did not"),
    ],
)
def test_what_cannot_be_drawn_is_named(arguments: list[str], message: str, tmp_path: Path) -> None:
    store = Store(tmp_path)
    for line in (HEADER, *RECORDS[:4]):
        store.append(line)
    said = CliRunner().invoke(app, ["chart", str(tmp_path), *arguments])
    with pytest.raises(InputError, match=message):
        raise said.exception or AssertionError(said.output)


def suites_of(kind: str) -> list[Suite]:
    """Those that the kind says measure it."""
    words = re.findall(r"\w+", find_kind(kind).needs.partition(" suite")[2])
    return [read_suite(find_suite(name)) for name in suite_names() if name in words]


@pytest.mark.parametrize("kind", kinds())
def test_every_kind_names_a_suite_that_measures_what_it_needs(kind: str) -> None:
    needs = find_kind(kind).needs
    suites, scenarios = suites_of(kind), set(get_args(Scenario)) & set(re.findall(r"\w+", needs))
    assert suites
    assert all(scenarios & set(suite.measure.scenarios) for suite in suites if scenarios)
    for setting in re.findall("`(.+?)`", needs):
        assert msgspec.convert(tomllib.loads(setting), Measure)


@pytest.mark.parametrize("kind", ["interactions", "shapley"])
def test_a_suite_that_is_named_for_pairs_tells_them(kind: str) -> None:
    for suite in suites_of(kind):
        planned = plan_cells(suite, find_optimizations(), "cpu")
        assert tells_pairs([parts(one.combination) for one in planned if one.combination != STOCK])


def test_of_many_combinations_the_notable_ones_are_told() -> None:
    many = [*OTHERS, *(row(f"a{i}+b", 0.9) for i in range(30)), row("alone", 0.95), row("c+d", 0.3)]
    names = [one.combination for one in notable(many)]
    assert len(names) == MOST
    assert {"baseline", "stock", "alone", "c+d"} <= set(names)


def test_the_front_is_what_nothing_beats_in_both() -> None:
    assert front([(1, 9), (2, 5), (3, 5), (4, 7), (5, 1), (1, 9.5)]) == [(1, 9), (2, 5), (5, 1)]


def test_a_character_that_no_font_has_is_written_as_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    own = font_manager.findfont(font_manager.FontProperties(family=[fonts.OWN]))
    here = [one for one in font_manager.fontManager.ttflist if one.fname == own]
    caches: list[Any] = [fonts.families, fonts._drawn]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", here)
    for cached in caches:
        cached.cache_clear()
    try:
        assert fonts.families() == (fonts.OWN,)
        assert fonts.legible("价格 a+b") == "U+4EF7U+683C a+b"
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            save(drawn("ratio", of([*OTHERS, row("批处理", 0.5)])), Path("/dev/null"), "png", "ratio")
    finally:
        for cached in caches:
            cached.cache_clear()


def test_a_long_combination_is_folded_after_a_plus() -> None:
    assert folded(LONG, 34).replace("\n", "") == LONG
    assert max(map(len, folded(LONG, 34).split("\n"))) < 40


def test_every_kind_is_on_the_page_of_charts() -> None:
    page = (Path(__file__).parents[2] / "docs" / "charts.md").read_text(encoding="utf-8")
    for kind in kinds().values():
        assert f"| `{kind.name}` | {kind.description} | {kind.needs} |" in page


@pytest.mark.parametrize(
    ("on_device", "where"),
    [
        (["cuda_allocated_bytes"], "in use by tensors on the device"),
        (["cuda_bytes"], "reserved on the device"),  # as records had it once
        ([], "resident set"),
    ],
)
def test_memory_over_time_says_whose_it_is(on_device: list[str], where: str) -> None:
    run = view(HEADER, RECORDS, [])
    profile = changed(PROFILE, **dict.fromkeys(on_device, PROFILE.rss_bytes))
    figure = memory_over_time.chart(replace(run, rows=[replace(run.rows[0], profile=profile)]))
    assert figure is not None
    assert figure.axes[0].get_ylabel().startswith(where)
