from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from test_advice import OTHERS, row

from harness.analyse.rows import Row, Throughput
from harness.analyse.stats import Estimate
from harness.record import Difference
from harness.report.charts import KINDS, draw, save_all
from harness.report.table import folded

LOAD = Throughput("closed_loop", 3, 12.5, Estimate(1.2, 1.1, 1.3, 0.001), 1e6, None)
LONG = "flash_attention+segmented_forward+dynamic_truncation+batching+torchscript+lean_startup"
ROWS = [*OTHERS, replace(row(LONG, 0.6), loads=(LOAD,))]
RUNGS = [*OTHERS, row("b", 0.9), row("a+b", 0.5), row("a+c", 0.1), row("a+b+c", 0.7)]


def labels(kind: str, rows: list[Row]) -> list[str]:
    figure = draw(kind, rows)
    assert figure is not None
    return [text.get_text().replace("\n", "") for text in figure.axes[0].get_yticklabels()]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "ladder"])
def test_a_chart_names_its_combinations_and_its_unit(kind: str) -> None:
    expected = [LONG] if kind == "throughput" else ["baseline", "stock", LONG]
    assert labels(kind, ROWS) == expected
    figure = draw(kind, ROWS)
    assert figure is not None
    assert figure.axes[0].get_xlabel()


def test_the_ladder_takes_one_more_at_each_rung() -> None:
    assert labels("ladder", RUNGS) == ["baseline", "+ b", "+ a", "+ c"]
    figure = draw("ladder", RUNGS)
    assert figure is not None
    assert [text.get_text() for text in figure.axes[0].texts] == ["0.900", "0.500", "0.700"]


def test_two_rungs_are_no_ladder() -> None:
    assert draw("ladder", RUNGS[:4]) is None


@pytest.mark.parametrize("kind", ["ratio", "latency", "throughput"])
def test_a_speed_of_other_answers_is_not_drawn(kind: str) -> None:
    wrong = replace(ROWS[2], broken=(Difference("t", tie=False, expected=[], got=[]),))
    figure = draw(kind, [*OTHERS, wrong])
    assert figure is None or LONG not in labels(kind, [*OTHERS, wrong])


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_measured_is_no_chart(kind: str) -> None:
    assert draw(kind, [replace(row("a", 1), latency=None, memory=None)]) is None


def test_every_chart_is_saved_as_png_and_svg(tmp_path: Path) -> None:
    saved = save_all(RUNGS + ROWS[2:], tmp_path / "charts")
    assert [path.stem for path in saved] == list(KINDS)
    for path in saved:
        assert path.read_bytes().startswith(b"\x89PNG")
        assert "<svg" in path.with_suffix(".svg").read_text()


def test_a_long_combination_is_folded_after_a_plus() -> None:
    assert folded(LONG, 34).replace("\n", "") == LONG
    assert max(map(len, folded(LONG, 34).split("\n"))) < 40
