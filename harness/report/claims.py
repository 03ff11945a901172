"""The guide's claims beside what a run showed, as Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from harness.analyse.claimed import Claim
from harness.analyse.claims import Findings, Judged, Side
from harness.analyse.figures import Figure
from harness.record import Header
from harness.report.pipes import plain
from harness.report.table import NOTHING

_COLUMNS = ["claim", "claimed", "as published", "does that hold?", "done right", "does this hold?", "why"]
_ALIGNED = "| --- | ---: | ---: | --- | ---: | --- | --- |"  # figures to the right, words to the left
_HOW = (
    "Claimed and measured are shares of the baseline's figure (a rate above 1 is faster), but where a unit stands: the "
    "guide's milliseconds are its device's own and are not compared. Means are over texts that weigh alike. A claim "
    "holds where the 95 % interval reaches it or is better, and does not where the whole interval is worse; a figure "
    "without interval may miss it by 3 %. Intervals of P95 and of rates are put together from those of both "
    "combinations. The guide's steps are cumulative unless a claim says alone; where one as published fails, so does "
    "each that the guide measured on top of it."
)


def render(run: Header, found: Findings) -> str:
    """The claims alone, as a page of their own."""
    where = f"`{run.command}`: {len(run.texts)} texts, checkpoint {run.checkpoint}, on {run.device}."
    return "\n".join(("# The guide's claims", "", where, "", *_lines(found))) + "\n"


def section(found: Findings) -> str:
    """The claims as a section of a report."""
    return "\n".join(("## The guide's claims", "", *_lines(found))) + "\n"


def table(found: Findings) -> list[list[str]]:
    """A line a claim under the names of the columns; strong and struck as Markdown has them."""
    return [_COLUMNS, *(_line(one) for one in found.judged)]


def notes(found: Findings) -> list[str]:
    """What is to be said below the table."""
    return [_sums(found), _HOW]


def _lines(found: Findings) -> Iterator[str]:
    names, _, *lines = plain(table(found))
    yield from (names, _ALIGNED, *lines)
    for note in notes(found):
        yield from ("", note)


def _line(one: Judged) -> list[str]:
    sides = [part for side in (one.published, one.right) for part in _side(one.claim, side)]
    return [f"**{one.claim.id}**: {one.claim.says}", _claimed(one.claim), *sides, _why(one)]


def _side(claim: Claim, side: Side | None) -> tuple[str, str]:
    """What was measured, and the verdict."""
    if side is None:
        return NOTHING, NOTHING
    figure = _figure(claim, side.figure) if side.figure else NOTHING
    told = side.verdict in ("holds", "does not hold")
    return f"~~{figure}~~" if side.struck else figure, side.verdict if told else f"{side.verdict}: {side.reason}"


def _why(one: Judged) -> str:
    """The physics of the sides that have a verdict; said once where it is the same."""
    told = {
        name: side.reason
        for name, side in (("As published", one.published), ("Done right", one.right))
        if side and side.reason and side.verdict in ("holds", "does not hold")
    }
    if len(set(told.values())) == 1 and len(told) > 1:
        return next(iter(told.values()))
    return " ".join(f"{name}: {reason}" for name, reason in told.items()) or NOTHING


def _claimed(claim: Claim) -> str:
    return f"{claim.sense} {_number(claim.figure)}{_unit(claim)}"


def _figure(claim: Claim, figure: Figure) -> str:
    return f"{_number(figure.value)}{_unit(claim)}{_interval(figure)}"


def _interval(figure: Figure) -> str:
    return "" if figure.low is None or figure.high is None else f" [{_number(figure.low)}, {_number(figure.high)}]"


def _number(value: float) -> str:
    """Two decimals, three where it is under 0.1, none from a hundred on."""
    decimals = 0 if abs(value) >= 100 else 3 if 0 < abs(value) < 0.1 else 2
    return f"{value + 0.0:.{decimals}f}"  # minus zero reads as zero


def _unit(claim: Claim) -> str:
    """The unit of what is no ratio."""
    _, _, unit = claim.quantity.partition(", ")
    return f" {unit}" if unit else ""


def _sums(found: Findings) -> str:
    guide = found.arithmetic
    steps = " ".join(f"{'+' if step > 0 else '−'} {abs(step):g}" for step in guide.steps_ms)
    said = (
        f"The guide's steps do not add up to its result: {guide.baseline_ms:g} {steps} = {guide.sum_ms:g} ms, and its "
        f"final table says {guide.final_ms:g} ms. The steps were measured on one text, the table on a hundred."
    )
    if found.product is None or found.together is None:
        return said
    return (
        f"{said} Here the six done right, each alone, multiply to {_number(found.product)} of the baseline's time; "
        f"together they take {_number(found.together.value)}{_interval(found.together)}."
    )
