"""The self-check's findings as text."""

from __future__ import annotations

from collections.abc import Iterator

from harness.analyse.rates import Rate
from harness.selfcheck.findings import Findings


def lines(found: Findings) -> Iterator[str]:
    """A Markdown table of rates, what single rounds showed, and what the machine can resolve."""
    sd = found.deviation
    yield f"Log ratios of identical processes differ between rounds by {sd.value:.2%} [{sd.low:.2%}, {sd.high:.2%}]"
    yield f"(sd, {sd.rounds} rounds). Rates are over runs drawn from the recorded rounds, with 95 % intervals."
    yield ""
    yield "| verdicts | rate | target | kept |"
    yield "| --- | ---: | ---: | --- |"
    for one in found.targets:
        yield f"| {one.what} | {_rate(one.rate)} | {one.wanted} | {_yes(one.kept)} |"
    for shown in found.shown:
        yield f"| {shown.what} | {_rate(shown.rate)} | – | – |"
    yield ""
    yield "| in single rounds | seen | wanted | kept |"
    yield "| --- | ---: | ---: | --- |"
    for count in found.counts:
        yield f"| {count.what} | {count.seen} of {count.rounds} | {count.wanted} | {_yes(count.kept)} |"
    yield ""
    for rounds, least in found.resolved.items():
        says = "no slowdown up to 50 %" if least is None else f"a slowdown of {least:.0%}"
        yield f"With {rounds} rounds this machine finds {says} in 95 of 100 runs."
    yield from (f"Failed: {failure}" for failure in found.failures)


def _rate(rate: Rate) -> str:
    return f"{rate.value:.1%} [{rate.low:.1%}, {rate.high:.1%}]"


def _yes(kept: bool) -> str:
    return "yes" if kept else "**no**"
