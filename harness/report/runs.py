"""Runs side by side, as Markdown and as figures."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

from harness.analyse.figures import absolute as figure_of
from harness.analyse.rows import Row
from harness.analyse.runs import Runs, Side
from harness.figures import FigureName
from harness.neutral import for_json
from harness.record import STOCK, Scenario
from harness.report.flat import flat
from harness.report.foreign import inline
from harness.report.pipes import plain
from harness.report.table import NOTHING, loads, ratio
from harness.units import NS_PER_S, format_bytes, format_ms, format_seconds

# A figure of a combination, given its row and that of the same run's stock.
_Show: TypeAlias = Callable[[Row, Row | None], str]

_HOW = (
    "Each ratio is to the stock of the same run, and its interval describes that run only. The last columns show a "
    "run's ratio divided by the first run's. Their 95 % intervals include the errors of both runs, and how much "
    "repeated runs differ (an sd of {near:.1%} at a ratio of 1, and of {far:.1%} at a ratio of 5). Below 1, the "
    "combination has become faster compared with stock. A verdict needs the whole interval to be beyond 3 %."
)
_FAR = math.log(5)
_APART = "So times are not shown (`--absolute` shows them anyway)."
_UNSURE = "The processors may differ, and then times and even ratios differ too."


def render(found: Runs, *, absolute: bool) -> str:
    """The whole comparison.

    Args:
        found: the runs, compared.
        absolute: show mean times although the devices differ.
    """
    return "\n".join(_lines(found, times=found.alike or absolute)) + "\n"


def as_json(found: Runs, *, absolute: bool) -> str:
    """The same for further calculation: for each combination one object for each run, or null if the run lacks it.

    Args:
        found: the runs, compared.
        absolute: keep times and rates although the devices differ; they are null otherwise.
    """
    times = found.alike or absolute
    data: dict[str, Any] = {
        "runs": found.names,
        "one_kind_of_device": found.alike,
        "devices": found.kinds,
        "differing": found.differing,
        "no_verdict_for_other": found.apart,
        "combinations": {name: [_figures(side, times=times) for side in sides] for name, sides in found.sides.items()},
    }
    return for_json(json.dumps(data, indent=2, ensure_ascii=False)) + "\n"


def _figures(side: Side, *, times: bool) -> dict[str, Any] | None:
    if side.row is None:
        return None
    ratio = side.to_first
    return {
        **{name: value if times or not _is_time(name) else None for name, value in flat(side.row).items()},
        "to_first": ratio.value if ratio else None,
        "to_first_low": ratio.low if ratio else None,
        "to_first_high": ratio.high if ratio else None,
        "to_first_verdict": side.verdict,
    }


def _is_time(name: str) -> bool:
    """Whether a flat row's figure is a time or a rate."""
    return "_ns" in name or name.endswith("_per_s")


def _lines(found: Runs, *, times: bool) -> Iterator[str]:
    letters = [chr(ord("A") + place) for place in range(len(found.names))]
    yield from (f"- {letter}: {inline(name)}" for letter, name in zip(letters, found.names, strict=True))
    for letter, what in zip(letters, found.apart, strict=True):
        if what:
            yield from ("", f"**{letter} and A differ in {' and '.join(what)}, so {letter} gets no verdicts.**")
    yield from _devices(found, letters, times=times)
    yield ""
    columns = ["combination"]
    columns += [f"mean, {letter}" for letter in letters] if times else []
    columns += [f"time / stock, {letter}" for letter in letters]
    columns += [f"answers, {letter}" for letter in letters]
    columns += [f"F1, {letter}" for letter in letters]
    columns += [f"{letter} / A" for letter in letters[1:]]
    yield from plain([columns, *(_line(name, sides, times=times) for name, sides in found.sides.items())])
    yield from ("", _HOW.format(near=found.between.sd, far=found.between.at(_FAR).sd))
    yield from _rest(found, letters, times=times)
    if found.differing:
        lines = [[key, *values] for key, values in found.differing.items()]
        yield from ("", "## What differs", "", *plain([["", *letters], *lines]))


def _devices(found: Runs, letters: Sequence[str], *, times: bool) -> Iterator[str]:
    """The devices of the runs, if they are of different kinds or may be."""
    if found.unsure:
        yield from ("", f"All that the runs recorded of their device is: {found.kinds[0]}. {_UNSURE}")
    if not found.alike:
        ran = "; ".join(f"{letter} on {kind}" for letter, kind in zip(letters, found.kinds, strict=True))
        yield from ("", f"The runs have different devices: {ran}.{'' if times else f' {_APART}'}")


def _line(name: str, sides: tuple[Side, ...], *, times: bool) -> list[str]:
    line = [name]
    line += [_mean(side) for side in sides] if times else []
    line += [_to_stock(side) for side in sides]
    line += [_answers(side) for side in sides]
    line += [f"{side.row.scores.micro.f1:.3f}" if side.row and side.row.scores else NOTHING for side in sides]
    return line + [_to_first(side) for side in sides[1:]]


def _to_first(side: Side) -> str:
    if side.to_first is None:
        return NOTHING
    return _struck(ratio(side.to_first), side) + (f", {side.verdict}" if side.verdict else "")


def _mean(side: Side) -> str:
    return _struck(format_ms(side.row.latency.mean_ns), side) if side.row and side.row.latency else NOTHING


def _to_stock(side: Side) -> str:
    if side.row is None:
        return "not in this run"
    if side.row.latency is None:
        return side.row.problem or NOTHING
    return _struck(ratio(side.row.latency.to_stock), side)


def _struck(text: str, side: Side) -> str:
    return f"~~{text}~~" if side.struck_out else text


def _answers(side: Side) -> str:
    row = side.row
    return f"{row.texts - len(row.broken)} of {row.texts} same" if row and row.texts else NOTHING


def _rest(found: Runs, letters: Sequence[str], *, times: bool) -> Iterator[str]:
    """Load, memory and start of the runs: one column for each figure that any combination has."""
    rows = [side.row for sides in found.sides.values() for side in sides if side.row]
    shows = {name: _rate(*load, times=times) for load, name in loads(rows).items()}
    shows |= {name: _figure(part, written, times=times) for name, (part, written) in _PARTS.items()}
    stocks = [side.row for side in found.sides.get(STOCK, (Side(None, None),) * len(letters))]
    columns = {
        f"{name}{'' if times else ' / stock'}, {letter}": [
            show(row, stocks[place]) if (row := sides[place].row) else NOTHING for sides in found.sides.values()
        ]
        for name, show in shows.items()
        for place, letter in enumerate(letters)
    }
    columns = {name: texts for name, texts in columns.items() if set(texts) != {NOTHING}}
    if columns:
        lines = zip(found.sides, *columns.values(), strict=True)
        yield from ("", "## Load, memory and start", "")
        yield from plain([["combination", *columns], *(list(line) for line in lines)])


def _rate(scenario: Scenario, clients: int, *, times: bool) -> _Show:
    """Requests per second under one load, or their ratio to the partner's in the same rounds."""

    def show(row: Row, _: Row | None) -> str:
        load = row.load(scenario, clients)
        if load is None:
            return NOTHING
        shown = f"{load.per_second:.3g}" if times else ratio(load.to_stock)
        return f"~~{shown}~~" if row.struck_out else shown

    return show


def _figure(name: FigureName, written: Callable[[float], str], *, times: bool) -> _Show:
    """The figure itself, or its ratio to the stock row's."""

    def show(row: Row, stock: Row | None) -> str:
        found, base = figure_of(row, name), figure_of(stock, name) if stock else None
        if found is None or not (times or base):
            return NOTHING
        return written(found.value) if times or not base else f"{found.value / base.value:.2f}"

    return show


_PARTS: dict[str, tuple[FigureName, Callable[[float], str]]] = {
    "RSS serving": ("rss", format_bytes),
    "VRAM process": ("vram", format_bytes),
    "cold start": ("cold_start", lambda ns: format_seconds(ns / NS_PER_S)),
}
