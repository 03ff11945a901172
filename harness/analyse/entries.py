"""The figures of a combination that a gate needs and a committed baseline contains."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean
from typing import Annotated

import msgspec

from harness.analyse.compare import compare
from harness.analyse.f1 import POINTS
from harness.analyse.figures import Figure, absolute
from harness.analyse.rows import Row
from harness.analyse.stats import log_ratio
from harness.analyse.texts import p95_log_ratio, text_log_ratios, total_log_ratio
from harness.record import (
    ClosedLoop,
    ColdStart,
    Failed,
    Header,
    Load,
    Measured,
    Memory,
    Record,
    Scores,
    SingleStream,
    Skipped,
    ordinary,
)

_FARTHEST = 100  # the largest logarithm of a ratio; no measurement reaches it
Ratio = Annotated[float, msgspec.Meta(ge=-_FARTHEST, le=_FARTHEST)]
_MOST = 2**63 - 1  # bytes or nanoseconds; a larger number cannot be measured, and does not fit a float
Positive = Annotated[int, msgspec.Meta(gt=0, le=_MOST)]
Ends = Annotated[list[Annotated[float, msgspec.Meta(gt=0)]], msgspec.Meta(max_length=2)]


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One combination. Ratios are natural logarithms of its figure divided by its partner's, one for each round."""

    combination: str
    exact: bool
    problem: str | None  # why nothing, or not all, was measured
    time: list[Ratio] = []
    total: list[Ratio] = []  # of the total times of all texts
    texts: dict[str, list[Ratio]] = {}  # of each text
    p95: list[Ratio] = []  # of the P95 over texts; empty if there are too few texts
    qps: list[Ratio] = []  # of times under load, so that above 0 is slower, as in the others
    rate: Annotated[float, msgspec.Meta(gt=0)] | None = None  # requests a second, of closed_loop
    rate_ends: Ends = []  # the ends of its 95 % interval, also below; empty if it has none
    p95_ns: Annotated[float, msgspec.Meta(gt=0)] | None = None
    p95_ends_ns: Ends = []
    starts_ns: list[Positive] = []
    stock_starts_ns: list[Positive] = []  # of the partner, if it is stock
    rss_bytes: Positive | None = None  # peaks while serving
    vram_bytes: Positive | None = None
    f1: Annotated[float, msgspec.Meta(ge=0, le=POINTS)] | None = None  # points, scale 0 to 100
    differs: list[str] = []  # texts with an answer other than the expected one


def entries(header: Header, records: Sequence[Record]) -> dict[str, Entry]:
    """The combinations of a run, in the plan's order."""
    rows, _ = compare(header, records)
    return {
        row.combination: _entry(
            row, [one for one in ordinary(records) if one.cell.combination == row.combination], header.texts
        )
        for row in rows
    }


def partners(records: Sequence[Record]) -> dict[str, Entry]:
    """The other side of each round, if it is the same combination of another revision."""
    found = {}
    for name in dict.fromkeys(record.cell.combination for record in records):
        own = [one for one in records if one.cell.combination == name]
        samples = [one.samples for one in own if isinstance(one, Measured)]
        streams = [one for one in samples if isinstance(one, SingleStream)]
        memory = [one.partner_memory for one in streams if one.partner_memory]
        broken = [one for one in own if isinstance(one, Skipped | Failed)]
        found[name] = Entry(
            name,
            exact=True,
            problem=broken[0].other if broken else None,
            starts_ns=[start.total_ns for one in samples if isinstance(one, ColdStart) for start in one.partner],
            f1=_f1(streams[0].partner_scores) if streams else None,  # the first round answers every text
            rss_bytes=_rss(memory[-1]) if memory else None,
            vram_bytes=_vram(memory[-1]) if memory else None,
        )
    return found


def _entry(row: Row, records: Sequence[Record], texts: Sequence[str]) -> Entry:
    samples = [one.samples for one in records if isinstance(one, Measured)]
    streams = [one for one in samples if isinstance(one, SingleStream)]
    load = row.load("closed_loop")
    loops = [one for one in samples if isinstance(one, ClosedLoop) and load and one.clients == load.clients]
    p95, rate = absolute(row, "p95"), absolute(row, "qps")
    of_texts = [text_log_ratios(one.own_ns, one.partner_ns) for one in streams]
    p95s = [p95_log_ratio(one.own_ns, one.partner_ns) for one in streams]
    return Entry(
        combination=row.combination,
        exact=row.exact,
        problem=row.problem,
        time=[log_ratio(one.own_ns, one.partner_ns) for one in streams],
        total=[total_log_ratio(one.own_ns, one.partner_ns) for one in streams],
        texts={text: [found[place] for found in of_texts] for place, text in enumerate(texts)} if of_texts else {},
        p95=[one for one in p95s if one is not None],
        qps=[math.log(_wall(one.own) / _wall(one.partner)) for one in loops],
        rate=rate.value if rate else None,
        rate_ends=_ends(rate),
        p95_ns=p95.value if p95 else None,
        p95_ends_ns=_ends(p95),
        starts_ns=[start.total_ns for start in row.starts],
        stock_starts_ns=[start.total_ns for one in samples if isinstance(one, ColdStart) for start in one.partner],
        rss_bytes=_rss(row.memory),
        vram_bytes=_vram(row.memory),
        f1=_f1(row.scores),
        differs=[one.id for one in row.broken],
    )


def _ends(found: Figure | None) -> list[float]:
    return [found.low, found.high] if found and found.low is not None and found.high is not None else []


def _rss(found: Memory | None) -> int | None:
    return found.rss_serving_peak_bytes if found else None


def _vram(found: Memory | None) -> int | None:
    return found.cuda_serving_peak_bytes if found else None


def _f1(scores: Scores | None) -> float | None:
    return POINTS * scores.micro.f1 if scores else None


def _wall(loads: list[Load]) -> float:
    return fmean(load.wall_ns for load in loads)
