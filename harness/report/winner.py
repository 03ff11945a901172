"""How reliable the figure of the named combination is, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.analyse.attribution import parts
from harness.analyse.rows import Latency, Row
from harness.plan.short_forms import ShortForms
from harness.report.table import ratio

_MOST_NAMES = 3  # the names may be long


def quoted(found: Latency) -> str:
    """Its ratio to stock. The interval takes into account that the combination was chosen."""
    said = f"{ratio(found.named)} of stock's time"
    if found.tried.confirming is None:
        return said
    rounds = len(found.tried.confirming.values)
    counted = f"in {rounds} fresh round{'' if rounds == 1 else 's'}"
    return f"{said}, confirmed {counted}" if found.named.verdict == "faster" else f"{said} {counted}"


def basis(best: Row, alike: Sequence[str], among: int, forms: ShortForms) -> Iterator[str]:
    """What the interval is about if no fresh round confirmed it, and which combinations may be as fast.

    Args:
        best: the named combination.
        alike: those that are not shown to be slower, the fastest first.
        among: how many combinations there were to choose from.
        forms: how text names them.
    """
    if best.latency and not best.latency.tried.confirming and among > 1:
        yield (
            f"It was chosen from {among} combinations by the same rounds, so it may look faster than it is. Its "
            "interval is widened to allow for this choice. Confirming rounds give a better figure: set confirm = 4 in "
            "the suite's [measure]."
        )
    if alike:
        names = ", ".join(map(forms.short, alike[:_MOST_NAMES]))
        more = f", and {len(alike) - _MOST_NAMES} more" if len(alike) > _MOST_NAMES else ""
        yield f"Not distinguishable from it: {names}{more}.{_smallest(best.combination, alike, forms)}"


def _smallest(best: str, alike: Sequence[str], forms: ShortForms) -> str:
    """The one with the fewest optimizations, if it has fewer than the best."""
    smallest = min(alike, key=lambda name: len(parts(name)))
    fewer, many = len(parts(smallest)), len(parts(best))
    counted = f"{fewer} optimization{'' if fewer == 1 else 's'} instead of {many}"
    return f" The smallest of these is {forms.short(smallest)}, with {counted}." if fewer < many else ""
