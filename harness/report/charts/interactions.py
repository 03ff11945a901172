"""Which pairs of optimizations help each other, and which hinder each other."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from harness.analyse.attribution import TIME
from harness.analyse.view import View
from harness.report.drawing.canvas import canvas
from harness.report.drawing.fonts import legible

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DESCRIPTION = "pairs of optimizations: the effect of both divided by the product of their single effects"
NEEDS = "all combinations, as in the suite full, or a fraction that suffices for pairs"
_WIDEST = 2.0  # the end of the colour scale: twice or half the product


def chart(run: View) -> Figure | None:
    """A heat map. A pair is orange if it saves less than the product, and blue if it saves more."""
    time = run.found.effects.get(TIME) if run.found else None
    if time is None or not time.together:
        return None
    names, count = time.names, len(time.names)
    figure, axes = canvas(
        "Pairs: effect on time of both / product of single effects", "", "", height=1.5 + 0.62 * count
    )
    values = [[math.nan] * count for _ in names]
    for (one, other), found in time.together.items():
        for a, b in ((names.index(one), names.index(other)), (names.index(other), names.index(one))):
            values[a][b] = math.log2(found.value)
            said = f"{found.value:.2f}\n[{found.low:.2f}, {found.high:.2f}]"
            axes.text(b, a, said, ha="center", va="center", fontsize=7)
    limit = math.log2(_WIDEST)
    axes.imshow(values, cmap="PuOr_r", vmin=-limit, vmax=limit, aspect="auto", alpha=0.75)
    labels = [legible(name) for name in names]
    axes.set_xticks(range(count), labels, fontsize=8, rotation=20, ha="right")
    axes.set_yticks(range(count), labels, fontsize=8)
    axes.spines[:].set_visible(False)
    return figure
