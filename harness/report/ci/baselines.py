"""Baselines in words: one, and what differs between two."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from statistics import fmean

from harness.analyse.baselines import Baseline, changed_answers
from harness.analyse.entries import Entry
from harness.report.pipes import plain
from harness.report.table import NOTHING
from harness.units import format_bytes


def shown(found: Baseline) -> Iterator[str]:
    """The origin, then a line a combination."""
    origin = found.origin
    yield f"suite {origin.suite}, checkpoint {origin.checkpoint} ({origin.weights}), {len(found.answers)} texts"
    yield f"on {origin.device}: {origin.kind}, environment {origin.environment_hash}"
    yield ""
    columns = ["combination", "time / stock", "rounds", "RSS serving", "VRAM serving", "F1", "other answers"]
    yield from plain([columns, *(_line(entry) for entry in found.entries.values())])


def differing(old: Baseline, new: Baseline) -> Iterator[str]:
    """A line for each thing that differs."""
    for part in ("suite", "checkpoint", "weights", "device", "kind", "environment"):
        before, after = getattr(old.origin, part), getattr(new.origin, part)
        if before != after:
            yield f"{part}: {before} -> {after}"
    if changed := changed_answers(new, old):
        yield f"answers of the baseline extractor: {len(changed)} texts ({', '.join(changed[:5])})"
    for name in {**old.entries, **new.entries}:
        if name not in new.entries or name not in old.entries:
            yield f"{name}: {'gone' if name not in new.entries else 'new'}"
        elif _line(old.entries[name]) != _line(new.entries[name]):
            yield f"{name}: {_joined(old.entries[name])} -> {_joined(new.entries[name])}"


def _joined(entry: Entry) -> str:
    return ", ".join(field for field in _line(entry)[1:] if field != NOTHING)


def _line(entry: Entry) -> list[str]:
    return [
        entry.combination,
        entry.problem or _ratio(entry.time),
        str(len(entry.time)),
        _bytes(entry.rss_bytes),
        _bytes(entry.vram_bytes),
        NOTHING if entry.f1 is None else f"{entry.f1:.2f}",
        ", ".join(entry.differs) or NOTHING,
    ]


def _ratio(rounds: Sequence[float]) -> str:
    return f"{math.exp(fmean(rounds)):.3f}" if rounds else NOTHING


def _bytes(value: int | None) -> str:
    return NOTHING if value is None else format_bytes(value)
