"""A run's report as Markdown."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from harness.analyse.attribution import TIME, Attribution
from harness.analyse.rows import Row
from harness.analyse.stats import ALPHA, NOISE, TIME_PRIOR, Spreads
from harness.analyse.view import View
from harness.neutral import for_json
from harness.record import Difference, Header
from harness.report import claims
from harness.report.advice import verdict
from harness.report.attribution import beside, brought, in_words, together
from harness.report.by_type import by_type
from harness.report.ceilings import ceilings
from harness.report.conditions import tuned, where
from harness.report.foreign import code, foreign, inline
from harness.report.pipes import plain, table
from harness.report.table import NOTHING, Field, details, fields, forms_of, summary

_DETAILS = (
    "CPU is the CPU time of all threads divided by the time of the requests. A start consists of imports (counted from "
    "the spawn of the process), {}weights and the first call. The very first start of a combination also makes the "
    "files that later starts find in the cache."
)

BY_TYPE = "The types for which a combination's F1 differs from the baseline's. The baseline's F1 is in brackets."
EFFECTS = (
    "Each figure is the factor by which an optimization changes a quantity, averaged over all combinations of the "
    "others, with a 95 % interval."
)
LEFT_OUT = "Left out, because they were not measured or their speed does not count:"


def render(run: View, charts: Sequence[str] = ()) -> str:
    """The whole report.

    Args:
        run: what is known of it.
        charts: paths of images, relative to the report.
    """
    return "\n".join(_lines(run, charts)) + "\n"


def _lines(run: View, charts: Sequence[str]) -> Iterator[str]:
    header, rows = run.header, run.rows
    yield from (f"# {inline(header.suite)}", "", code(header.command), "", f"**{inline(verdict(run))}**", "")
    shown = _shown(rows)
    if meaning := forms_of(rows).legend(shown):
        yield from (f"{inline(meaning)}", "")
    yield from (f"- {foreign(line)}" for line in summary(rows))
    yield from ("", *table(_named(shown, [fields(row, rows) for row in rows])), "", how(header, run.spread), "")
    yield from (f"{foreign(line)}\n" for line in run.account)
    for chart in charts:
        yield from (f"![]({chart})", "")
    if run.found is not None:
        yield from _attribution(run.found, rows)
    if run.judged is not None:
        yield claims.section(run.judged)
    yield from (
        "## In detail",
        "",
        *table(_filled(_named(shown, [details(row) for row in rows]))),
        "",
        _parts_of_starts(rows),
        "",
    )
    yield from (f"{line}\n" for line in ceilings(header))
    types = list(by_type(rows))
    if types:
        yield from ("## F1 by type", "", BY_TYPE, "", *(f"- {foreign(line)}" for line in types), "")
    for name, row in zip(shown, rows, strict=True):
        yield from _details(name, row)
    environment = _json(header.environment, indent=2)
    said = ". ".join(filter(None, (where(header), tuned(header))))
    yield from ("## Machine", "", f"{inline(said)}.", "", "```json", environment, "```")


def _shown(rows: Sequence[Row]) -> list[str]:
    """The names of the rows in text."""
    forms = forms_of(rows)
    return [forms.short(row.combination) for row in rows]


def _named(shown: Sequence[str], lines: Sequence[dict[str, Field]]) -> list[dict[str, Field]]:
    return [line | {"combination": Field(name)} for name, line in zip(shown, lines, strict=True)]


def _parts_of_starts(rows: Sequence[Row]) -> str:
    context = any(start.context_ns is not None for row in rows for start in row.starts)
    return _DETAILS.format("the context on the GPU, " if context else "")


def how(run: Header, spread: Spreads) -> str:
    """What the ratios, intervals and verdicts mean, in sentences."""
    level = "95 %" if run.looks == 1 else f"{100 * (1 - ALPHA / run.looks):.1f} %"
    looks = f" (95 % over the {run.looks} looks at which rounds could end)" if run.looks > 1 else ""
    return (
        f"A ratio is the time of a combination divided by stock's or the baseline's, with a {level} interval{looks}. "
        "Below 1, the combination is faster. In `time / stock` and `time / baseline`, all texts weigh the same. In "
        "`total time / stock`, long texts weigh more; it gets no verdict. Each round starts a fresh pair of processes, "
        "the combination's and stock's, and times them in turns. The standard deviation between rounds is "
        f"{_spread(spread)}. The intervals describe this run; a repeated run may lie further away. A verdict (faster, "
        f"slower) needs the whole interval to be beyond {NOISE:.0%}. All verdicts are judged together (Holm's method): "
        'the probability of any false one is 5 %. The intervals of percentiles (under "In detail") are also about '
        "other texts of the same kind, so they need 4 rounds and enough distinct texts: 8 for P50, 93 for P95. A speed "
        "is struck through if the answers are not the baseline's or, for a combination that may change answers, if its "
        "F1 is worse by more than the margin. The glossary of uiebench (`docs/glossary.md`) explains the terms."
    )


def _spread(spread: Spreads) -> str:
    """The spread between rounds, and where it comes from."""
    sds = sorted(one.sd for one in (spread.cells or {"": spread.unmeasured}).values())
    ends = list(dict.fromkeys(f"{sd:.1%}" for sd in (sds[0], sds[-1])))
    known = "selfcheck on this machine" if spread.prior.sd > TIME_PRIOR.sd else "published runs"
    freedom = f"{spread.degrees} degree{'' if spread.degrees == 1 else 's'} of freedom"
    source = (
        f"each combination's own, shrunk towards a value from {known} and from the {freedom} of this run"
        if spread.degrees
        else f"from {known}, because this run has one round for each combination"
    )
    return f"{' to '.join(ends)} ({source})"


def _attribution(found: Attribution, rows: Sequence[Row]) -> Iterator[str]:
    yield from ("## What each optimization brings", "")
    if found.refusal is not None:
        yield from (f"The effects cannot be estimated: {inline(found.refusal)}.", "")
        return
    time = found.effects[TIME]
    yield from (f"{EFFECTS} The figures are estimated from {time.model}.", "")
    if found.left_out:
        left_out = ", ".join(map(forms_of(rows).short, found.left_out))
        yield from (f"{LEFT_OUT} {inline(left_out)}.", "")
    yield from (*plain(brought(found)), "")
    if time.given:
        yield from (
            *plain(beside(time)),
            "",
            *plain(together(time)),
            "",
            *(f"- {foreign(line)}" for line in in_words(time)),
            "",
        )


def _details(name: str, row: Row) -> Iterator[str]:
    said = [f"- {foreign(f'{evidence.optimization}: {evidence.summary}')}" for evidence in row.evidence]
    said += [f"- {foreign(row.problem)}"] if row.problem else []
    said += [f"- text {code(one.id)}{' (tie)' if one.tie else ''}: {_answers(one)}" for one in (*row.broken, *row.ties)]
    if said:
        yield from (f"## {inline(name)}", "", *said, "")


def _answers(one: Difference) -> str:
    if one.expected == one.got:
        return "texts and spans are left out"
    return f"expected {code(_json(one.expected))}, got {code(_json(one.got))}"


def _filled(rows: Sequence[Mapping[str, Field]]) -> list[dict[str, Field]]:
    """The rows without the columns that are empty in every row."""
    return [
        {name: field for name, field in row.items() if any(other[name].text != NOTHING for other in rows)}
        for row in rows
    ]


def _json(value: object, indent: int | None = None) -> str:
    return for_json(json.dumps(value, indent=indent, ensure_ascii=False))
