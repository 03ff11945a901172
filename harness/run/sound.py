"""Checks that the lines of a run are valid and fit its header, as the analysis assumes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from harness.errors import InputError, unknown
from harness.figures import LIMITS
from harness.profile import PARTS, Profile
from harness.record import Chains, ColdStart, Difference, Header, Load, Measured, Record, Samples, SingleStream
from harness.tuning import TUNING, Tuning
from harness.work import Ceilings

# The entries of a run's environment that the analysis reads, with their types; they may be missing.
_ENVIRONMENT: Mapping[str, type[Any]] = {"worker": dict, "cores": int, "threads": int}


def header_fault(header: Header) -> str | None:
    """What is wrong with a header, or None."""
    for name, wanted in _ENVIRONMENT.items():
        if not isinstance(header.environment.get(name, wanted()), wanted):
            return f"environment.{name} is not of type {wanted.__name__}"
    sd = header.environment.get("between_process_sd", 0.0)
    if not isinstance(sd, int | float) or not 0 <= sd < math.inf:
        return "environment.between_process_sd is not a positive number"
    for name in header.targets:
        if name not in LIMITS:
            return unknown("target", name, LIMITS)
    try:
        msgspec.convert(header.environment.get(TUNING, {}), Tuning)
    except msgspec.ValidationError as error:
        return f"environment.{TUNING}: {error}"
    try:
        ceilings = header.environment.get("worker", {}).get("ceilings")
        found = [] if ceilings is None else _ceilings(msgspec.convert(ceilings, Ceilings))
    except msgspec.ValidationError as error:
        return f"environment.worker.ceilings: {error}"
    if not all(one > 0 for one in found):
        return "environment.worker.ceilings are not all above 0"
    if header.text_characters and len(header.text_characters) != len(header.texts):
        return f"it has {len(header.texts)} texts and {len(header.text_characters)} lengths of texts"
    return None


def record_fault(record: Record) -> str | None:
    """What is wrong with a record by itself, or None."""
    return next(_faults(record.samples), None) if isinstance(record, Measured) else None


def check_fit(header: Header, records: Sequence[Record], where: Path) -> None:
    """Check that records are of the combinations and the texts that their header names.

    Raises:
        InputError: they are not.
    """
    for record in records:
        if record.cell.combination not in header.exact:
            raise InputError(f"{where} has a record of {record.cell.combination!r}, which its header does not name")
        samples = record.samples if isinstance(record, Measured) else None
        if isinstance(samples, SingleStream) and len(samples.own_ns[0]) != len(header.texts):
            raise InputError(
                f"{where}: round {record.round} of {record.cell.combination!r} has {len(samples.own_ns[0])} times a "
                f"pass, and the header {len(header.texts)} texts"
            )


def _ceilings(found: Ceilings) -> list[float]:
    launch = [] if found.launch_s is None else [found.launch_s]
    return [found.bytes_per_s, *found.flops_per_s.values(), *launch]


def _faults(samples: Samples) -> Iterator[str]:
    if not isinstance(samples, ColdStart):
        yield from _faults_of_answers(samples.parity.differences)
    if isinstance(samples, SingleStream):
        yield from _faults_of_times(samples)
        if samples.profile:
            yield from _faults_of_profile(samples.profile)
    elif isinstance(samples, ColdStart):
        if not all(
            min(one.imports_ns, one.context_ns or 0, one.weights_ns) >= 0 and one.first_call_ns > 0
            for one in _starts(samples)
        ):
            yield "a start takes no time"
    else:
        if not samples.own or not samples.partner:
            yield "it has no passes"
        if not all(ns > 0 for one in (*samples.own, *samples.partner) for ns in _times(one)):
            yield "a pass or a request takes no time"


def _faults_of_answers(differences: Sequence[Difference]) -> Iterator[str]:
    for one in differences:
        try:
            msgspec.convert([one.expected, one.got], list[Chains])
        except msgspec.ValidationError as error:
            yield f"the answers to {one.id!r}: {error}"


def _starts(samples: ColdStart) -> list[Any]:
    return [*samples.own, *samples.partner, *([samples.preparing] if samples.preparing else [])]


def _times(load: Load) -> Sequence[int]:
    return [load.wall_ns, *load.request_ns]


def _faults_of_times(samples: SingleStream) -> Iterator[str]:
    passes = [*samples.own_ns, *samples.partner_ns]
    if not samples.own_ns or not samples.partner_ns:
        yield "it has no passes"
    if len(set(map(len, passes))) > 1 or not all(passes):
        yield "its passes are not of the same texts"
    if not all(ns > 0 for one in passes for ns in one):
        yield "a request takes no time"
    if samples.repeats < 1 or len(samples.own_ns) % samples.repeats:
        yield f"its {len(samples.own_ns)} rows of times are no passes of {samples.repeats} rows each"


def _faults_of_profile(profile: Profile) -> Iterator[str]:
    if set(profile.parts_ns) != set(PARTS) or not all(profile.parts_ns.values()):
        yield f"its profile does not have the parts {', '.join(PARTS)}"
    if not all(ns >= 0 for one in profile.parts_ns.values() for ns in one) or not any(
        map(sum, profile.parts_ns.values())
    ):
        yield "its profile takes no time"
