"""The guide's claims and what a run showed, as Markdown."""

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
    "Figures without a unit are ratios to the baseline's figure; for a rate, above 1 is faster. The guide's "
    "milliseconds depend on its device and are not compared. In means, all texts weigh the same. A claim holds if the "
    "95 % interval reaches it or is better. It does not hold if the whole interval is worse. A figure without an "
    "interval may miss the claim by 3 %. The intervals of P95 and of rates combine those of the combination and of the "
    'baseline. The guide\'s steps are cumulative, unless a claim says "alone". If a listing fails, so does every claim '
    "that the guide measured on top of it."
)


def render(run: Header, found: Findings) -> str:
    """The claims alone, as a page of their own."""
    where = f"`{run.command}`: {len(run.texts)} texts, checkpoint {run.checkpoint}, on {run.device}."
    return "\n".join(("# The guide's claims", "", where, "", *_lines(found))) + "\n"


def section(found: Findings) -> str:
    """The claims as a section of a report."""
    return "\n".join(("## The guide's claims", "", *_lines(found))) + "\n"


def table(found: Findings) -> list[list[str]]:
    """The names of the columns, then one line for each claim, with Markdown for strong and struck-through text."""
    return [_COLUMNS, *(_line(one) for one in found.judged)]


def notes(found: Findings) -> list[str]:
    """The notes below the table."""
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
    """The measured figure, and the verdict."""
    if side is None:
        return NOTHING, NOTHING
    figure = _figure(claim, side.figure) if side.figure else NOTHING
    told = side.verdict in ("holds", "does not hold")
    return f"~~{figure}~~" if side.struck else figure, side.verdict if told else f"{side.verdict}: {side.reason}"


def _why(one: Judged) -> str:
    """The physical reasons of the sides that have a verdict; a single one if both are the same."""
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
    """With two decimals, three if it is below 0.1, none from 100."""
    decimals = 0 if abs(value) >= 100 else 3 if 0 < abs(value) < 0.1 else 2
    return f"{value + 0.0:.{decimals}f}"  # minus zero reads as zero


def _unit(claim: Claim) -> str:
    """The unit of an absolute quantity; empty for a ratio."""
    _, _, unit = claim.quantity.partition(", ")
    return f" {unit}" if unit else ""


def _sums(found: Findings) -> str:
    guide = found.arithmetic
    steps = " ".join(f"{'+' if step > 0 else '−'} {abs(step):g}" for step in guide.steps_ms)
    said = (
        f"The guide's steps do not add up to its result: {guide.baseline_ms:g} {steps} = {guide.sum_ms:g} ms, but its "
        f"final table says {guide.final_ms:g} ms. The steps were measured on one text, the table on a hundred."
    )
    if found.product is None or found.together is None:
        return said
    return (
        f"{said} Here the ratios of the six, done right and each alone, multiply to {_number(found.product)}. Together "
        f"they take {_number(found.together.value)}{_interval(found.together)} of the baseline's time."
    )
