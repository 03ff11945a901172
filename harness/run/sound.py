"""Whether the lines of a run fit its header and one another: what analysis takes for granted."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from harness.profile import PARTS, Profile
from harness.record import ClosedLoop, ColdStart, Header, Load, Measured, Offline, Record, SingleStream
from harness.work import Ceilings

# What analysis reads of a run's environment: the type of each entry, where it is there.
_ENVIRONMENT: Mapping[str, type[Any]] = {"worker": dict, "cores": int, "threads": int}


def header_fault(header: Header) -> str | None:
    """What is wrong with a header, or None."""
    for name, wanted in _ENVIRONMENT.items():
        if not isinstance(header.environment.get(name, wanted()), wanted):
            return f"environment.{name} is not of type {wanted.__name__}"
    sd = header.environment.get("between_process_sd", 0.0)
    if not isinstance(sd, int | float) or not 0 <= sd < math.inf:
        return "environment.between_process_sd is not a positive number"
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


def record_fault(record: Record, header: Header) -> str | None:
    """What is wrong with a record, or None."""
    if record.cell.combination not in header.exact:
        return f"the header names no combination {record.cell.combination!r}"
    return next(_faults(record.samples, len(header.texts)), None) if isinstance(record, Measured) else None


def _ceilings(found: Ceilings) -> list[float]:
    return [found.bytes_per_s, *found.flops_per_s.values()]


def _faults(samples: SingleStream | ClosedLoop | Offline | ColdStart, texts: int) -> Iterator[str]:
    if isinstance(samples, SingleStream):
        yield from _faults_of_times(samples, texts)
        if samples.profile:
            yield from _faults_of_profile(samples.profile, texts)
    elif isinstance(samples, ColdStart):
        if not all(min(one.imports_ns, one.weights_ns) >= 0 and one.first_call_ns > 0 for one in _starts(samples)):
            yield "a start takes no time"
    else:
        if not samples.own or not samples.partner:
            yield "it has no passes"
        if not all(ns > 0 for one in (*samples.own, *samples.partner) for ns in _times(one)):
            yield "a pass or a request takes no time"


def _starts(samples: ColdStart) -> list[Any]:
    return [*samples.own, *samples.partner, *([samples.preparing] if samples.preparing else [])]


def _times(load: Load) -> Sequence[int]:
    return [load.wall_ns, *load.request_ns]


def _faults_of_times(samples: SingleStream, texts: int) -> Iterator[str]:
    passes = [*samples.own_ns, *samples.partner_ns]
    if not samples.own_ns or not samples.partner_ns:
        yield "it has no passes"
    if any(len(one) != texts for one in passes):
        yield f"a pass does not have a time for each of the {texts} texts"
    if not all(ns > 0 for one in passes for ns in one):
        yield "a request takes no time"


def _faults_of_profile(profile: Profile, texts: int) -> Iterator[str]:
    if set(profile.parts_ns) != set(PARTS) or any(len(one) != texts for one in profile.parts_ns.values()):
        yield f"its profile does not have the parts {', '.join(PARTS)} of each of the {texts} texts"
    if not all(ns >= 0 for one in profile.parts_ns.values() for ns in one) or not any(
        map(sum, profile.parts_ns.values())
    ):
        yield "its profile takes no time"
