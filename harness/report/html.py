"""A run's report as one HTML page. It needs no network and no other file."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.analyse.attribution import TIME
from harness.analyse.compare import streams
from harness.analyse.rows import Row
from harness.analyse.runs import flattened
from harness.analyse.view import View
from harness.neutral import neutral
from harness.record import Chains, Difference
from harness.report import claims
from harness.report.advice import verdict
from harness.report.attribution import beside, brought, in_words, together
from harness.report.by_type import by_type
from harness.report.ceilings import ceilings
from harness.report.conditions import conditions, tuned, where
from harness.report.flat import Figure, flat
from harness.report.markdown import BY_TYPE, EFFECTS, LEFT_OUT, how
from harness.report.marked import pieces
from harness.report.matrix import Matrix, matrix
from harness.report.strip import HEIGHT, WIDTH, Strip, strip
from harness.report.table import NOTHING, TOO_FEW, TOTAL, Field, details, fields, forms_of, loads, parts, says
from harness.scenarios import rate_of

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

FIRST_CHART = "ratio"  # it stands above the table

# The figure that each column is sorted by. Other columns are sorted by their text.
_SORTED_BY = {
    "mean": "mean_ns",
    "P50": "p50_ns",
    "P95": "p95_ns",
    "P99": "p99_ns",
    "time / stock": "time_to_stock",
    TOTAL: "total_time_to_stock",
    "time / baseline": "time_to_baseline",
    "RSS load": "rss_load_peak_bytes",
    "RSS serving": "rss_serving_peak_bytes",
    "VRAM load": "cuda_load_peak_bytes",
    "VRAM serving": "cuda_serving_peak_bytes",
    "VRAM in use": "cuda_serving_allocated_peak_bytes",
    "VRAM process": "cuda_process_bytes",
    "VRAM device": "cuda_device_bytes",
    "cold start": "cold_start_ns",
    "of the roofline": "roofline_share",
    "F1": "f1",
    "answers": "texts_that_differ",
}
# Columns of the details that the page shows in its table, and columns at another place: each after the named column.
_AFTER = {"P95": ("P99",), "time / baseline": ("answers", "targets"), "cold start": ("of the roofline",)}


@dataclass(frozen=True)
class Cell:
    """One combination on the page."""

    row: Row
    anchor: str
    says: str
    columns: dict[str, Field]
    figures: dict[str, Figure]
    details: dict[str, Field]
    parts: dict[str, Field]  # of a request
    conditions: list[list[str]]  # the names of the columns, then one line for each round; empty if none are recorded
    strip: Strip | None
    state: str  # the table can be filtered by it: same, other, inexact or none
    dots: tuple[bool, ...] | None  # which columns of the matrix it has; None if its name is written


def render(run: View, charts: Mapping[str, bytes], texts: Mapping[str, str] | None) -> str:
    """The page.

    Args:
        run: the run and its analysis.
        charts: SVG files by name.
        texts: the texts with different answers, by id; None leaves out texts and spans.
    """
    found = matrix([row.combination for row in run.rows])
    cells = _cells(run, found)
    page = _environment().get_template("report.html.jinja")
    said, brings, types = verdict(run), _brought(run), list(by_type(run.rows))
    return page.render(
        run=run,
        header=run.header,
        verdict=said,
        meaning=forms_of(run.rows).legend([said, *types, brings["left_out"] if brings else ""]),
        how=how(run.header, run.spread),
        cells=cells,
        columns=list(cells[0].columns),
        optimizations=found.columns if found else (),
        sorted_by=_SORTED_BY
        | {name: rate_of(scenario).key(clients) for (scenario, clients), name in loads(run.rows).items()},
        first={name: svg for name, svg in charts.items() if name == FIRST_CHART},
        charts={name: svg for name, svg in charts.items() if name != FIRST_CHART},
        brought=brings,
        claims=[claims.table(run.judged), claims.notes(run.judged)] if run.judged else None,
        by_type=types,
        about_types=BY_TYPE,
        texts=texts,
        told=told,
        strip_size=(WIDTH, HEIGHT),
        where=where(run.header),
        tuned=tuned(run.header),
        ceilings=list(ceilings(run.header)),
        machine=flattened(run.header.environment),
    )


def told(difference: Difference, text: str | None) -> dict[str, Any]:
    """The differences between two answers to a text, and their places in it."""
    only = {
        "missed": _without(difference.expected, difference.got),
        "extra": _without(difference.got, difference.expected),
    }
    spans = {
        mark: [(item["offset"][0], item["offset"][1]) for chain in chains for item in chain]
        for mark, chains in only.items()
    }
    return {
        **{
            mark: [" → ".join(f"{item['type']}: {item['span']}" for item in chain) for chain in chains]
            for mark, chains in only.items()
        },
        "pieces": None if text is None else list(pieces(text, spans)),
    }


def _without(chains: Chains, others: Chains) -> Chains:
    return [chain for chain in chains if chain not in others]


def _cells(run: View, found: Matrix | None) -> list[Cell]:
    measured, of_rounds, cells = streams(run.records), conditions(run.records), []
    for place, row in enumerate(run.rows):
        more, own = details(row), fields(row, run.rows)
        known, shown = more | own, dict[str, Field]()
        for name, field in own.items():
            shown |= {name: field} | {added: known[added] for added in _AFTER.get(name, ()) if added in known}
        rounds = [[ns for passed in one.own_ns for ns in passed] for one in measured.get(row.combination, [])]
        cells.append(
            Cell(
                row=row,
                anchor=f"cell-{place}",
                says=says(row),
                columns=shown,
                figures=flat(row),
                details={
                    name: field for name, field in more.items() if field.text != NOTHING and name != "combination"
                },
                parts=parts(row),
                conditions=of_rounds.get(row.combination, []),
                strip=strip(rounds) if rounds else None,
                state=_state(row),
                dots=found.rows[place] if found else None,
            )
        )
    empty = {name for name in cells[0].columns if all(cell.columns[name].text in (NOTHING, TOO_FEW) for cell in cells)}
    for cell in cells:
        for name in empty:
            del cell.columns[name]
    return cells


def _state(row: Row) -> str:
    if not row.measured:
        return "none"
    if not row.exact:
        return "inexact"
    return "other" if row.broken else "same"


def _brought(run: View) -> dict[str, Any] | None:
    if run.found is None:
        return None
    if run.found.refusal is not None:
        return {"refusal": run.found.refusal, "left_out": ""}
    time = run.found.effects[TIME]
    left_out = ", ".join(map(forms_of(run.rows).short, run.found.left_out))
    pairs = [beside(time), together(time)] if time.given else []
    return {
        "says": f"{EFFECTS} The figures are estimated from {time.model}.",
        "left_out": f"{LEFT_OUT} {left_out}." if left_out else "",
        "tables": [brought(run.found), *pairs],
        "words": list(in_words(time)) if time.given else [],
    }


def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    found = Environment(
        loader=PackageLoader("harness.report", "page"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        finalize=_neutral,
    )
    found.filters |= {"inline": _inline, "lines": _lines, "data_uri": _data_uri}
    return found


def _neutral(value: object) -> object:
    """A value for the page, without control characters and characters that hide text."""
    from markupsafe import Markup

    if isinstance(value, Markup):
        return Markup(neutral(value))
    return neutral(value) if isinstance(value, str) else value


def _inline(text: str) -> Markup:
    """The Markdown that our sentences may contain: strong, struck through, code."""
    from markupsafe import Markup, escape

    written = str(escape(text))
    for mark, tag in ((r"\*\*", "strong"), ("~~", "s"), ("`", "code")):
        written = re.sub(f"{mark}(.+?){mark}", rf"<{tag}>\1</{tag}>", written)
    return Markup(written)


def _lines(text: str) -> Markup:
    """A field with each part on its own line: the figure, its interval, and the rest."""
    from markupsafe import Markup, escape

    return Markup("<br>").join(escape(part) for part in re.split(r" (?=\[)|, (?![^\[]*\])", text))


def _data_uri(svg: bytes) -> str:
    return f"data:image/svg+xml;base64,{b64encode(svg).decode()}"
