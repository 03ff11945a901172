"""Whether a text costs as much time and as little memory in a long file as in a short one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, stdev
from typing import Literal, TypeAlias

from turns import QUARTERS, Block

from harness.analyse.stats import MEMORY_PRIOR, Estimate, Spread, estimate
from harness.selfcheck.signs import around

WITHIN = 0.10  # by which the time of a text may differ
# Bytes that may stay of a text. The smallest of Python's objects that somebody could keep takes more: a text that is
# remembered by a number, 32, and 8 to find it.
KEPT_BYTES = 32
_PARTS = 6  # of the rounds after the first quarter, in which an allocator comes to what it needs
_MIB, _KIB = 2**20, 2**10

Verdict: TypeAlias = Literal["pass", "fail", "inconclusive"]
Blocks: TypeAlias = Mapping[int, Sequence[Block]]  # by the number of texts, one a round


@dataclass(frozen=True)
class Finding:
    """What was shown, and what has to be."""

    what: str
    found: str
    wanted: str
    verdict: Verdict


@dataclass(frozen=True)
class Slope:
    """Bytes a text, with the 95 % interval."""

    value: float
    low: float
    high: float


def quarter(blocks: Sequence[Block], which: int) -> Sequence[Block]:
    """A quarter of the rounds, by its number."""
    size = len(blocks) // QUARTERS
    return blocks[which * size :][:size]


def time_ratio(own: Sequence[Block], other: Sequence[Block]) -> Estimate:
    """The time of a text as a share of another process's, or of the same one's at another time, round by round."""
    logs = [math.log(one.ns / two.ns) for one, two in zip(own, other, strict=True)]
    return estimate(logs, Spread(stdev(logs), len(logs) - 1))


def kept(blocks: Sequence[Block]) -> Slope:
    """Bytes a text by which a process grows after the first quarter: the mean from one part of the rounds to the next.

    Its interval holds for memory that comes in steps and stays, too: these are independent of each other, and how far
    each round lies off a line through all of them is not.
    """
    later = blocks[len(blocks) // QUARTERS :]
    ends = [len(later) * place // _PARTS for place in range(_PARTS + 1)]
    parts = [later[begin:end] for begin, end in pairwise(ends)]
    at = [(fmean(one.done for one in part), fmean(one.resident_bytes for one in part)) for part in parts]
    steps = [(size - before) / (done - begun) for (begun, before), (done, size) in pairwise(at)]
    found = around(steps, KEPT_BYTES)
    return Slope(found.value, found.low, found.high)


def kept_between(blocks: Blocks) -> Slope:
    """Bytes a text by which the peak of the longest file lies above that of the shortest, read in advance or kept.

    Two processes of the same program differ, by what the published runs show.
    """
    small, large = min(blocks), max(blocks)
    peaks = [blocks[size][-1].peak_bytes for size in (small, large)]
    spread = Spread(MEMORY_PRIOR.sd, MEMORY_PRIOR.degrees)
    found = spread.estimate(math.log(peaks[1] / peaks[0]), spread.sd * math.sqrt(2))
    return Slope(*((share - 1) * peaks[0] / (large - small) for share in (found.value, found.low, found.high)))


def findings(blocks: Blocks, rounds: int) -> list[Finding]:
    """All that is judged.

    Args:
        blocks: of each process.
        rounds: that were planned.
    """
    done = len(blocks[min(blocks)])
    found = []
    if done < rounds:
        found.append(Finding("rounds in the budget", f"{done} of {rounds}", "all", "inconclusive"))
    if done < 2 * QUARTERS:
        return found
    return [*found, *_of_time(blocks), *_of_memory(blocks)]


def verdict(found: Sequence[Finding]) -> Verdict:
    """What all come to."""
    verdicts = {one.verdict for one in found}
    return "fail" if "fail" in verdicts else "inconclusive" if "inconclusive" in verdicts else "pass"


def table(blocks: Blocks) -> Iterator[str]:
    """Each process over its rounds, as Markdown."""
    yield "| texts | first quarter, ms a text | last quarter | last / first | memory, MiB: first | last | peak | kept |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for size, of in blocks.items():
        first, last = quarter(of, 0), quarter(of, QUARTERS - 1)
        times = [fmean(one.ns for one in part) / 1e6 for part in (first, last)]
        memory = [fmean(one.resident_bytes for one in part) / _MIB for part in (first, last)]
        yield (
            f"| {size:,} | {times[0]:.2f} | {times[1]:.2f} | {_ratio(time_ratio(last, first))} | {memory[0]:.1f} "
            f"| {memory[1]:.1f} | {of[-1].peak_bytes / _MIB:.1f} | {_slope(kept(of))} |"
        )


def _of_time(blocks: Blocks) -> Iterator[Finding]:
    small, *larger = sorted(blocks)
    for size in larger:
        for when, which in (("over all rounds", range(QUARTERS)), ("in the last quarter", [QUARTERS - 1])):
            own, other = ([one for place in which for one in quarter(blocks[of], place)] for of in (size, small))
            found = time_ratio(own, other)
            low, high = 1 - WITHIN, 1 + WITHIN
            inside, outside = low <= found.low and found.high <= high, found.low > high or found.high < low
            said: Verdict = "pass" if inside else "fail" if outside else "inconclusive"
            what = f"time of a text, {size:,} to {small:,} texts, {when}"
            yield Finding(what, _ratio(found), f"within {WITHIN:.0%}", said)


def _of_memory(blocks: Blocks) -> Iterator[Finding]:
    small, large = min(blocks), max(blocks)
    for what, found in (
        (f"memory kept over {large:,} texts", kept(blocks[large])),
        (f"memory of {large:,} texts beyond that of {small:,}", kept_between(blocks)),
    ):
        said: Verdict = "pass" if found.high <= KEPT_BYTES else "fail" if found.low > KEPT_BYTES else "inconclusive"
        yield Finding(what, _slope(found), f"at most {KEPT_BYTES * 1000 / _KIB:.0f} KiB per 1,000 texts", said)


def _ratio(found: Estimate) -> str:
    return f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"


def _slope(found: Slope) -> str:
    value, low, high = (one * 1000 / _KIB for one in (found.value, found.low, found.high))
    return f"{value:.1f} [{low:.1f}, {high:.1f}] KiB per 1,000 texts"
