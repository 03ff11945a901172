"""The self-check's findings as text."""

from __future__ import annotations

from collections.abc import Iterator

from harness.analyse.rates import counted
from harness.selfcheck.findings import Findings
from harness.selfcheck.planted import FOUND_AT_LEAST, Plant, Tries


def lines(found: Findings) -> Iterator[str]:
    """Markdown tables of targets for identical processes and of planted faults, then what the machine resolves."""
    yield f"{found.rounds} rounds of identical processes. In brackets are 95 % intervals."
    yield ""
    yield "| identical processes | found | wanted | kept |"
    yield "| --- | ---: | ---: | --- |"
    for one in found.targets:
        yield f"| {one.what} | {one.found} | {one.wanted} | {_yes(one.kept)} |"
    yield ""
    yield "| planted | shown by | seen in | processes | scaled times | without it | kept |"
    yield "| --- | --- | --- | ---: | ---: | ---: | --- |"
    yield from map(_plant, found.plants)
    yield ""
    yield f"A planted fault counts as missed if the interval of its rate excludes {FOUND_AT_LEAST:.0%}. One that shows"
    yield "in single rounds must be seen in each. Scaled times are recorded times of identical processes, changed as"
    yield "the fault would change them."
    yield ""
    for run in found.runs:
        yield (
            f"Of {len(run.drawn)} runs of {run.of} rounds drawn from all rounds, {run.covering_drawn:.1%} have an "
            f"interval that contains 1. Of the runs that share no round, {counted(run.judged, len(run.apart))} call "
            f"identical processes faster or slower. A slowdown of {run.resolves:.1%} is found in 95 of 100 runs."
        )
    yield from (f"Failed: {failure}" for failure in found.failures)


def _plant(one: Plant) -> str:
    cells = (one.what, one.by, one.cases, *map(_tries, (one.planted, one.scaled, one.clean)), _yes(one.kept))
    return f"| {' | '.join(cells)} |"


def _tries(tries: Tries | None) -> str:
    return counted(tries.seen, tries.of) if tries else "–"


def _yes(kept: bool) -> str:
    return "yes" if kept else "**no**"
