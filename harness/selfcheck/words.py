"""The self-check's findings as text."""

from __future__ import annotations

from collections.abc import Iterator

from harness.analyse.rates import counted
from harness.selfcheck.findings import Findings
from harness.selfcheck.planted import FOUND_AT_LEAST, Plant, Tries


def lines(found: Findings) -> Iterator[str]:
    """A Markdown table of what identical processes showed, one of what was planted, and what the machine resolves."""
    yield f"{found.rounds} rounds of identical processes, each figure and each count with its 95 % interval."
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
    yield f"A plant has to be seen in {FOUND_AT_LEAST:.0%} of runs, as far as so few show; one that shows in single"
    yield "rounds, in each. Scaled times are recorded ones of identical processes with the plant put into them."
    yield ""
    for run in found.runs:
        yield (
            f"Of {len(run.drawn)} runs of {run.of} rounds drawn from all, {run.covering_drawn:.1%} hold 1 in their "
            f"interval; {counted(run.judged, len(run.apart))} that share no round call identical processes faster or "
            f"slower. 95 in 100 find a slowdown of {run.resolves:.1%}."
        )
    yield from (f"Failed: {failure}" for failure in found.failures)


def _plant(one: Plant) -> str:
    cells = (one.what, one.by, one.cases, *map(_tries, (one.planted, one.scaled, one.clean)), _yes(one.kept))
    return f"| {' | '.join(cells)} |"


def _tries(tries: Tries | None) -> str:
    return counted(tries.seen, tries.of) if tries else "–"


def _yes(kept: bool) -> str:
    return "yes" if kept else "**no**"
