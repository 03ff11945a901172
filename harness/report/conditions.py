"""The conditions under which a combination's rounds were measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from harness.analyse.runs import processor_of
from harness.conditions import Conditions, Course, GpuConditions
from harness.record import Header, Measured, Record
from harness.report.table import NOTHING
from harness.tuning import TUNING, Tuning, in_words
from harness.units import format_seconds


def conditions(records: Sequence[Record]) -> dict[str, list[list[str]]]:
    """For each combination: the names of the columns, then one line for each round. Empty columns are left out."""
    found: dict[str, dict[int, dict[str, str]]] = {}
    for record in records:
        if isinstance(record, Measured) and (record.conditions or record.course):
            # All scenarios of a round have the same.
            found.setdefault(record.cell.combination, {})[record.round] = dict(_fields(record))
    return {name: _table([of_rounds[number] for number in sorted(of_rounds)]) for name, of_rounds in found.items()}


def where(header: Header) -> str:
    """The device of all rounds, its processor, and the threads of a process, as far as they are recorded."""
    worker, threads = header.environment.get("worker", {}), header.environment.get("threads")
    gpu, cpus = worker.get("gpu"), worker.get("host_cpus")
    had = f", {threads} CPU thread{'' if threads == 1 else 's'} per process" if threads else ""
    processor = f", {processor_of(header)}" if "processor" in header.environment else ""
    return f"On {header.device}{f' ({gpu})' if gpu else ''}{processor}{had}{f', on {cpus}' if cpus else ''}"


def tuned(header: Header) -> str:
    """The settings of the machine's cores and memory, as far as they are recorded; else empty."""
    said = in_words(msgspec.convert(header.environment.get(TUNING, {}), Tuning))
    return f"{said[:1].upper()}{said[1:]}"


def _table(rounds: Sequence[dict[str, str]]) -> list[list[str]]:
    columns = list(dict.fromkeys(name for one in rounds for name in one))
    return [columns, *([one.get(name, NOTHING) for name in columns] for one in rounds)]


def _fields(record: Measured) -> Iterator[tuple[str, str]]:
    yield "round", str(record.round)
    if record.conditions:
        yield from _on_processor(record.conditions)
        if record.conditions.gpu:
            yield from _on_gpu(record.conditions.gpu)
    if record.course:
        yield from _in_time(record.course)


def _on_processor(found: Conditions) -> Iterator[tuple[str, str]]:
    yield "other programs", f"{found.foreign_cores:.1%} of a core"
    yield "hypervisor", f"{found.stolen_cores:.1%} of a core"
    if found.worst_cores is not None:
        yield "both, worst stretch", f"{found.worst_cores:.1%} of a core"
    yield "load average before", f"{found.load_average:.2f}"


def _span(found: Sequence[int]) -> str:
    return " to ".join(str(one) for one in sorted({min(found), max(found)}))


def _on_gpu(found: GpuConditions) -> Iterator[tuple[str, str]]:
    yield "GPU clock", f"{_span(found.mhz)} MHz"
    yield "GPU slowed down by", ", ".join(found.throttled) or "nothing"
    yield "others on the GPU", str(found.foreign_processes)
    if found.energy_j is not None:
        yield "energy of the GPU", f"{found.energy_j:.0f} J"


def _in_time(found: Course) -> Iterator[tuple[str, str]]:
    yield "warm-up requests", f"{found.warm_up_requests}{'' if found.steady else ', never steady'}"
    yield "start-up", format_seconds(found.coming_up_s)
    yield "timed passes", format_seconds(found.measuring_s)
    yield "whole round", format_seconds(found.total_s)
