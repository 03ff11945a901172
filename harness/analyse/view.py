"""A run and its analysis, for all outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.analyse.attribution import Attribution, attribute
from harness.analyse.claims import Findings, judge, measures_claims
from harness.analyse.compare import assumed_sd, compare
from harness.analyse.course import course
from harness.analyse.noise import caution, noise
from harness.analyse.rows import Row
from harness.analyse.stats import Spreads
from harness.record import Finished, Header, Record


@dataclass(frozen=True)
class View:
    """A run and its analysis."""

    header: Header
    records: Sequence[Record]
    rows: Sequence[Row]  # one for each combination, in the plan's order
    spread: Spreads  # the spreads that the rows' intervals are computed from
    found: Attribution | None  # the effect of each optimization
    account: Sequence[str]  # sentences on what disturbed the run, and on how it spent its time
    judged: Findings | None  # the guide's claims, if the run measures them
    caution: str = ""  # a caution for the verdict, if the run was disturbed


def view(header: Header, records: Sequence[Record], finished: Sequence[Finished]) -> View:
    """Analyse a run.

    Args:
        header: the run's.
        records: the run's.
        finished: one entry for each time that the run ended.
    """
    (rows, spread), cores = compare(header, records), header.environment.get("cores")
    return View(
        header=header,
        records=records,
        rows=rows,
        spread=spread,
        found=attribute(records, rows, assumed_sd(header.environment)),
        account=[*noise(records, cores), *course(records, finished)],
        judged=judge(header, records, rows) if measures_claims(rows) else None,
        caution=caution(records, cores),
    )
