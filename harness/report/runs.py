"""Runs side by side, as Markdown and as figures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from harness.analyse.runs import Runs, Side
from harness.report.flat import flat
from harness.report.pipes import plain
from harness.report.table import NOTHING, ratio
from harness.units import format_ms

_HOW = (
    "Ratios are to the stock of the same run. The last columns divide a run's ratio by the first run's, with 95 % "
    "intervals that hold the errors of both: under 1 the combination gained on stock since then. A verdict needs the "
    "whole interval beyond 3 %."
)
_APART = "The runs are of different devices, so times themselves are not shown (`--absolute` shows them all the same)."


def render(found: Runs, *, absolute: bool) -> str:
    """The whole comparison.

    Args:
        found: the runs, compared.
        absolute: show mean times although the devices differ.
    """
    return "\n".join(_lines(found, times=found.alike or absolute)) + "\n"


def as_json(found: Runs) -> str:
    """The same for those who calculate on: of each combination an object a run, null where the run has not got it."""
    data: dict[str, Any] = {
        "runs": found.names,
        "one_kind_of_device": found.alike,
        "differing": found.differing,
        "combinations": {name: [_figures(side) for side in sides] for name, sides in found.sides.items()},
    }
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def _figures(side: Side) -> dict[str, Any] | None:
    if side.row is None:
        return None
    ratio = side.to_first
    return {
        **flat(side.row),
        "to_first": ratio.value if ratio else None,
        "to_first_low": ratio.low if ratio else None,
        "to_first_high": ratio.high if ratio else None,
        "to_first_verdict": ratio.verdict if ratio else None,
    }


def _lines(found: Runs, *, times: bool) -> Iterator[str]:
    letters = [chr(ord("A") + place) for place in range(len(found.names))]
    yield from (f"- {letter}: {name}" for letter, name in zip(letters, found.names, strict=True))
    yield ""
    columns = ["combination"]
    columns += [f"mean, {letter}" for letter in letters] if times else []
    columns += [f"time / stock, {letter}" for letter in letters]
    columns += [f"answers, {letter}" for letter in letters]
    columns += [f"F1, {letter}" for letter in letters]
    columns += [f"{letter} / A" for letter in letters[1:]]
    yield from plain([columns, *(_line(name, sides, times=times) for name, sides in found.sides.items())])
    yield from ("", _HOW)
    if not times:
        yield from ("", _APART)
    if found.differing:
        lines = [[key, *values] for key, values in found.differing.items()]
        yield from ("", "## What differs", "", *plain([["", *letters], *lines]))


def _line(name: str, sides: tuple[Side, ...], *, times: bool) -> list[str]:
    line = [name]
    line += [_mean(side) for side in sides] if times else []
    line += [_to_stock(side) for side in sides]
    line += [_answers(side) for side in sides]
    line += [f"{side.row.scores.micro.f1:.3f}" if side.row and side.row.scores else NOTHING for side in sides]
    return line + [
        f"{ratio(side.to_first)}, {side.to_first.verdict}" if side.to_first else NOTHING for side in sides[1:]
    ]


def _mean(side: Side) -> str:
    return format_ms(side.row.latency.mean_ns) if side.row and side.row.latency else NOTHING


def _to_stock(side: Side) -> str:
    if side.row is None:
        return "not in this run"
    if side.row.latency is None:
        return side.row.problem or NOTHING
    shown = ratio(side.row.latency.to_stock)
    return f"~~{shown}~~" if side.row.struck_out else shown


def _answers(side: Side) -> str:
    row = side.row
    return f"{row.texts - len(row.broken)} of {row.texts} same" if row and row.texts else NOTHING
