"""The guide's claims, each judged by a run's rows."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal, TypeAlias

from harness.analyse.claimed import Arithmetic, Claim, Why, read_claims
from harness.analyse.compare import compare, narrowed
from harness.analyse.figures import Figure
from harness.analyse.quantities import QUANTITIES, memory_ratio, on_host
from harness.analyse.rows import Row
from harness.analyse.stats import NOISE
from harness.members import members
from harness.record import BASELINE, Header, Record
from harness.units import MIB

AS_PUBLISHED = "_as_published"
SUITE = "claims"  # the suite that measures what the claims need
# The guide serves StructBERT-base: 102 million weights in fp32. With another vocabulary the size stays within a tenth.
REFERENCE_WEIGHTS_BYTES = 409_000_000
_SIZE_TOLERANCE = 0.1
Verdict: TypeAlias = Literal["holds", "does not hold", "cannot be judged", "failed"]


@dataclass(frozen=True)
class Side:
    """The figure of a combination and its verdict. ``reason`` is the physical one, or says why there is no verdict."""

    combination: str
    verdict: Verdict
    reason: str
    figure: Figure | None = None
    struck: bool = False  # the figure does not count


@dataclass(frozen=True)
class Judged:
    """A claim with its verdicts; None if the claim does not have that side."""

    claim: Claim
    published: Side | None
    right: Side | None


@dataclass(frozen=True)
class Findings:
    """All claims, and the effect of all steps together."""

    judged: tuple[Judged, ...]
    arithmetic: Arithmetic
    product: float | None  # of the ratios of time of the single steps; None if one was not measured
    together: Figure | None  # the ratio of all of them together


@dataclass(frozen=True)
class _Run:
    """A run to judge claims by. ``rows`` returns the rows over all texts, or over texts of some lengths."""

    header: Header
    rows: Callable[[int | None, int | None], Sequence[Row]]


def measures_claims(rows: Sequence[Row]) -> bool:
    """Whether any combination of a run is one of the guide's own listings."""
    return any(AS_PUBLISHED in row.combination for row in rows)


def judge(header: Header, records: Sequence[Record], rows: Sequence[Row]) -> Findings:
    """Judge every claim by a run.

    Args:
        header: the run's.
        records: the run's; claims about texts of some lengths need them.
        rows: the run's.
    """
    lengths = header.text_characters

    @cache
    def of_length(shortest: int | None, longest: int | None) -> Sequence[Row]:
        if shortest is longest is None:
            return rows
        within = [i for i, length in enumerate(lengths) if (shortest or 0) <= length <= (longest or math.inf)]
        return compare(*narrowed(header, records, within))[0] if within else []

    claims, run = read_claims(), _Run(header, of_length)
    judged = [
        Judged(
            claim,
            _side(claim, claim.published, claim.why.published, run),
            _side(claim, claim.right, claim.why.right, run),
        )
        for claim in claims.claim
    ]
    alone = [_ratio(_find(rows, name)) for name in claims.arithmetic.right]
    known = [one.value for one in alone if one]
    return Findings(
        judged=tuple(judged),
        arithmetic=claims.arithmetic,
        product=math.prod(known) if len(known) == len(alone) else None,
        together=_ratio(_find(rows, "+".join(claims.arithmetic.right))),
    )


def holds(figure: Figure, claim: Claim) -> bool:
    """Whether the interval reaches the claim or is better; a figure without interval may miss it by 3 %."""
    if claim.sense == "at least":
        return (figure.value * (1 + NOISE) if figure.high is None else figure.high) >= claim.figure
    return (figure.value * (1 - NOISE) if figure.low is None else figure.low) <= claim.figure


def _side(claim: Claim, combination: str | None, why: str | Why, run: _Run) -> Side | None:
    if combination is None:
        return None
    rows = run.rows(None, None)
    row, baseline = _find(rows, combination), _find(rows, BASELINE)
    if failure := _failure(row, combination, rows):
        return Side(combination, "failed", failure)
    if row is None or baseline is None:
        return _unjudged(combination, "this run did not measure it", claim, baseline, run.header)
    if obstacle := _obstacle(claim, row, baseline, run.header):
        return _unjudged(combination, obstacle, claim, baseline, run.header)
    figure = _figure(claim, combination, run)
    if figure is None:
        return _unjudged(combination, row.problem or _missing(claim, run.header), claim, baseline, run.header)
    if row.struck_out and QUANTITIES[claim.quantity].of_speed:
        reason = f"It gives other answers on {len(row.broken)} of {row.texts} texts, so its speed does not count."
        return Side(combination, "does not hold", reason, figure, struck=True)
    kept = holds(figure, claim)
    reason = why if isinstance(why, str) else why.holds if kept else why.fails
    return Side(combination, "holds" if kept else "does not hold", reason, figure)


def _unjudged(combination: str, reason: str, claim: Claim, baseline: Row | None, header: Header) -> Side:
    """A side without a verdict. It names the command that can judge the claim, unless this run is of that command."""
    on_a_gpu = header.device.startswith("cuda") or claim.device != "cuda"
    on_its_model = _is_reference(baseline) or claim.model != "reference"
    if header.suite == SUITE and on_a_gpu and on_its_model:
        return Side(combination, "cannot be judged", reason)
    checkpoint, device = header.checkpoint if on_its_model else "base", header.device if on_a_gpu else "cuda"
    options = [
        *(["--checkpoint", checkpoint] if checkpoint != "mini" else []),
        *(["--device", device] if device != "cpu" else []),
    ]
    command = shlex.join(["uiebench", "run", SUITE, *options])
    return Side(combination, "cannot be judged", f"{reason}; to judge it, run `{command}`")


def _figure(claim: Claim, combination: str, run: _Run) -> Figure | None:
    rows = run.rows(claim.shortest, claim.longest)
    row, baseline = _find(rows, combination), _find(rows, BASELINE)
    return QUANTITIES[claim.quantity].read(row, baseline) if row and baseline else None


def _failure(row: Row | None, combination: str, rows: Sequence[Row]) -> str | None:
    """Why it failed, or None. A combination that was not measured fails if one of its parts fails alone."""
    if row is not None:
        return _error(row)
    for part in members(combination):
        alone = _find(rows, part)
        if alone and (error := _error(alone)):
            return f"it contains {part}, which fails: {error}"
    return None


def _error(row: Row) -> str | None:
    problem = row.problem or ""
    return problem.partition(": ")[2] if problem.startswith("failed") else None


def _obstacle(claim: Claim, row: Row, baseline: Row, header: Header) -> str | None:
    """Why the claim cannot be judged on this device or with this model; None if it can."""
    if row.latency is None and row.problem:
        return row.problem
    if claim.device == "cuda" and not header.device.startswith("cuda"):
        host = memory_ratio(row, baseline, on_host) if claim.quantity == "memory" else None
        rest = f" (the host memory here is {host.value:.2f} times the baseline's)" if host else ""
        return f"the claim is about a GPU, and this run is on {header.device}{rest}"
    if claim.model == "reference" and not _is_reference(baseline):
        size, wanted = (f"{count / MIB:.0f} MiB" for count in (_weights(baseline), REFERENCE_WEIGHTS_BYTES))
        return f"the claim is about a model with {wanted} of weights, and this model has {size}"
    return None


def _weights(baseline: Row | None) -> int:
    return (baseline is not None and baseline.memory is not None and baseline.memory.weights_bytes) or 0


def _is_reference(baseline: Row | None) -> bool:
    """Whether a run's model is as large as the guide's."""
    return abs(_weights(baseline) / REFERENCE_WEIGHTS_BYTES - 1) <= _SIZE_TOLERANCE


def _missing(claim: Claim, header: Header) -> str:
    if claim.shortest is None and claim.longest is None:
        return f"this run did not measure {claim.quantity} for both it and the baseline, or has too few requests"
    if not header.text_characters:
        return "the records of this run do not contain the lengths of its texts"
    limit = f"under {claim.longest + 1}" if claim.longest is not None else f"over {(claim.shortest or 0) - 1}"
    return f"no text of this run has {limit} characters"


def _ratio(row: Row | None) -> Figure | None:
    return QUANTITIES["time"].read(row, row) if row else None


def _find(rows: Sequence[Row], combination: str) -> Row | None:
    """The row of a combination, in whichever order its parts are written."""
    wanted = frozenset(members(combination))
    return next((row for row in rows if frozenset(members(row.combination)) == wanted), None)
