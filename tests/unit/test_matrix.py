"""Combinations as rows of a matrix."""

from __future__ import annotations

import numpy as np

from harness.report.drawing.canvas import by_row
from harness.report.matrix import matrix

LONG = "lean_startup+flash_attention+dynamic_truncation(multiple=8)+batching+torchscript"
NAMES = ["baseline", "stock", "torchscript", LONG, "packed_linear+batching"]


def test_each_optimization_is_a_column_in_the_order_of_the_longest_combination() -> None:
    found = matrix(NAMES)
    assert found is not None
    assert found.columns == (*LONG.split("+"), "packed_linear")
    assert found.rows == (
        None,
        None,
        (False, False, False, False, True, False),
        (True, True, True, True, True, False),
        (False, False, False, True, False, True),
    )


def test_short_names_and_too_many_optimizations_are_written() -> None:
    assert matrix(["baseline", "stock", "torchscript", "batching+torchscript"]) is None
    assert matrix(["+".join(f"optimization_{number}" for number in range(25))]) is None


def test_a_chart_draws_it_beside_its_rows() -> None:
    figure, axes = by_row("Time", "ms", NAMES)
    _, beside = figure.axes
    assert [label.get_text() for label in beside.get_xticklabels()] == [*LONG.split("+"), "packed_linear"]
    assert [text.get_text() for text in beside.texts] == ["baseline", "stock"]
    drawn = [np.asarray(line.get_data()).tolist() for line in beside.lines]
    assert drawn == [[[4], [2]], [[0, 1, 2, 3, 4], [3] * 5], [[3, 5], [4, 4]]]
    assert beside.get_ylim() == axes.get_ylim()
    assert figure.get_suptitle() == "Time"


def test_a_chart_with_short_names_has_them() -> None:
    figure, axes = by_row("Time", "ms", ["stock", "batching"])
    assert figure.axes == [axes]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["stock", "batching"]
