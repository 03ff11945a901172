"""Latency by the length of a text."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING

from harness.analyse.compare import streams
from harness.analyse.view import View
from harness.report.drawing.lines import Line, lines, notable
from harness.units import NS_PER_MS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DESCRIPTION = "mean latency by the length of the text, for the notable combinations"
NEEDS = "the scenario single_stream with texts of at least two lengths, in a suite like demo"


def chart(run: View) -> Figure | None:
    """One line for each combination. Texts of equal length are averaged."""
    characters = run.header.text_characters
    lengths = sorted(set(characters))
    if len(lengths) < 2 or lengths[0] == 0:
        return None
    places = {length: [i for i, one in enumerate(characters) if one == length] for length in lengths}
    found, timed = [], streams(run.records)
    for row in notable(run.rows):
        passes = [times for one in timed[row.combination] for times in one.own_ns]
        means = [fmean(times[i] for times in passes for i in places[length]) / NS_PER_MS for length in lengths]
        found.append(Line(row.combination, lengths, means))
    if not found:
        return None
    return lines(
        "Latency by length of the text",
        "characters in the text",
        "mean latency (ms)",
        found,
        logarithmic="xy",
        marker="o",
    )
