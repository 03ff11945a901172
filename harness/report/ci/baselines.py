"""A baseline as text, and the differences between two."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any

from harness.analyse.baselines import Baseline, changed_answers
from harness.analyse.entries import Entry
from harness.report.one_line import one_line
from harness.report.pipes import plain
from harness.report.table import NOTHING
from harness.units import NS_PER_S, format_bytes, format_ms, format_seconds

_NAMED = 5  # texts on a line


def shown(found: Baseline) -> Iterator[str]:
    """Its origin, then one line for each combination."""
    origin = found.origin
    yield f"suite {origin.suite}, checkpoint {origin.checkpoint} ({origin.weights}), {len(found.answers)} texts"
    yield f"on {origin.device}: {origin.kind}, environment {origin.environment_hash}"
    yield ""
    columns = ["combination", "time / stock", "rounds", "RSS serving", "VRAM serving", "F1", "other answers"]
    yield from plain([columns, *(_line(entry) for entry in found.entries.values())])


def differing(old: Baseline, new: Baseline) -> Iterator[str]:
    """One line for each difference, and for each combination with a different figure; none if they are equal."""
    for part in old.origin.__struct_fields__:
        before, after = getattr(old.origin, part), getattr(new.origin, part)
        if before != after:
            yield f"{part}: {before} -> {after}"
    changed = changed_answers(new, old)
    texts = {**old.answers, **new.answers}
    rounded = [name for name in texts if old.answers.get(name) != new.answers.get(name) and name not in changed]
    yield from _texts("answers of the baseline extractor", changed)
    yield from _texts("differing answers that rounding may decide", rounded)
    yield from _texts("answers that rounding may decide in only one of the two", sorted(old.near ^ new.near))
    for name in {**old.entries, **new.entries}:
        if name not in new.entries or name not in old.entries:
            yield f"{name}: {'gone' if name not in new.entries else 'new'}"
        elif figures := list(_changes(old.entries[name], new.entries[name])):
            yield f"{name}: {', '.join(figures)}"


def without_figures(found: Baseline) -> Iterator[str]:
    """The combinations that were not measured completely, each with the reason."""
    return (f"{entry.combination}: {one_line(entry.problem)}" for entry in found.entries.values() if entry.problem)


def _texts(what: str, names: Sequence[str]) -> Iterator[str]:
    if names:
        yield f"{what}: {_several(len(names), 'text')} ({', '.join(names[:_NAMED])})"


def _changes(old: Entry, new: Entry) -> Iterator[str]:
    """Each figure that differs, old and new."""
    for field in new.__struct_fields__:
        before, after = getattr(old, field), getattr(new, field)
        if before != after:
            name, show = _FIGURES.get(field, (field, str))
            was, now = (NOTHING if one in (None, [], {}) else one_line(show(one)) for one in (before, after))
            yield f"{name} {was} -> {now}" if was != now else f"{name} differs by less than is shown ({now})"


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


def _rounds(logarithms: Sequence[float]) -> str:
    return f"{_ratio(logarithms)} in {_several(len(logarithms), 'round')}"


def _texts_rounds(by_text: Mapping[str, Sequence[float]]) -> str:
    means = {text: fmean(rounds) for text, rounds in by_text.items()}
    slowest = max(means, key=means.__getitem__)
    return f"{_several(len(means), 'text')}, up to {math.exp(means[slowest]):.3f} ({slowest})"


def _starts(nanoseconds: Sequence[int]) -> str:
    return f"{format_seconds(fmean(nanoseconds) / NS_PER_S)} in {_several(len(nanoseconds), 'start')}"


def _several(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


# The label and the format of an entry's fields in a difference; other fields are printed as they are.
_FIGURES: Mapping[str, tuple[str, Callable[[Any], str]]] = {
    "time": ("time / stock", _rounds),
    "total": ("total time / stock", _rounds),
    "texts": ("time / stock of single texts", _texts_rounds),
    "p95": ("P95 over texts / stock", _rounds),
    "qps": ("time / stock under load", _rounds),
    "rate": ("QPS", "{:.3g}".format),
    "rate_ends": ("QPS interval", lambda ends: " to ".join(f"{end:.3g}" for end in ends)),
    "p95_ns": ("P95", format_ms),
    "p95_ends_ns": ("P95 interval", lambda ends: " to ".join(map(format_ms, ends))),
    "starts_ns": ("cold start", _starts),
    "stock_starts_ns": ("stock's cold start", _starts),
    "rss_bytes": ("RSS serving", format_bytes),
    "vram_bytes": ("VRAM serving", format_bytes),
    "f1": ("F1", "{:.2f}".format),
    "differs": ("other answers", ", ".join),
}
