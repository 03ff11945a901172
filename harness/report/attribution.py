"""The effect of each optimization, as tables of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.analyse.attribution import TIME, Attribution
from harness.analyse.effects import Effects
from harness.report.table import NOTHING, ratio

Table = list[list[str]]  # the first line names the columns


def brought(found: Attribution) -> Table:
    """One line for each optimization: its average factor on each quantity, and its share of the total effect."""
    time = found.effects[TIME]
    shares = [f"share of the total effect ({ratio(time.total)})"] if time.total else []
    lines = [["optimization", *found.effects, *shares]]
    for name in time.names:
        factors = [ratio(of.main[name]) if name in of.main else NOTHING for of in found.effects.values()]
        lines.append([name, *factors, *([ratio(time.shapley[name])] if shares else [])])
    return lines


def beside(effects: Effects) -> Table:
    """One line and one column for each optimization: the factor of the line's if the column's is on."""
    return [["effect on time, if … is on", *effects.names]] + [
        [name, *(ratio(effects.given[name, on]) if on != name else NOTHING for on in effects.names)]
        for name in effects.names
    ]


def together(effects: Effects) -> Table:
    """One line and one column for each optimization: the effect of both divided by the product of their effects."""
    names = effects.names
    lines = [["effect of both / product of single effects", *names[1:]]]
    for place, name in enumerate(names[:-1]):
        pairs = [(name, other) if other in names[place + 1 :] else None for other in names[1:]]
        lines.append([name, *(NOTHING if pair is None else ratio(effects.together[pair]) for pair in pairs)])
    return lines


def in_words(effects: Effects) -> Iterator[str]:
    """Each optimization that saves time if another one is off, and clearly less (no verdict) if it is on."""
    for name in effects.names:
        spoilt = [
            f"{on} ({ratio(effects.without[name, on])} without it, {ratio(effects.given[name, on])} with it)"
            for on in effects.names
            if on != name
            and effects.without[name, on].verdict == "faster"
            and effects.given[name, on].verdict != "faster"
            and effects.together[min(name, on), max(name, on)].verdict == "slower"
        ]
        if spoilt:
            yield f"{name} saves time only without {_listed(spoilt)}."


def _listed(parts: Sequence[str]) -> str:
    return ", and only without ".join(parts)
