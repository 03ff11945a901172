"""All that is known of a run, for whatever shows it."""

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
    """A run and what follows from it."""

    header: Header
    records: Sequence[Record]
    rows: Sequence[Row]  # one a combination, in the plan's order
    spread: Spreads  # where the rows' intervals come from
    found: Attribution | None  # what each optimization brings
    account: Sequence[str]  # sentences on what disturbed the run, and on where its time went
    judged: Findings | None  # the guide's claims, where the run measures them
    caution: str = ""  # what to say with the verdict, where the run was disturbed


def view(header: Header, records: Sequence[Record], finished: Sequence[Finished]) -> View:
    """Analyse a run.

    Args:
        header: the run's.
        records: the run's.
        finished: how often it came to an end, and how.
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
