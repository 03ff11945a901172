"""A text with marked spans, cut to their surroundings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

AROUND = 40  # characters kept on either side of a span

Spans = Sequence[tuple[int, int]]


@dataclass(frozen=True)
class Piece:
    """A stretch of text with the same marks. A gap stands for text that is left out."""

    text: str
    marks: tuple[str, ...] = ()


GAP = Piece("…")


def pieces(text: str, spans: Mapping[str, Spans]) -> Iterator[Piece]:
    """The text around all spans, in order.

    Args:
        text: the whole of it.
        spans: by mark, (start, end) in code points; they may overlap.
    """
    every = [span for found in spans.values() for span in found]
    shown = _joined((max(0, start - AROUND), min(len(text), end + AROUND)) for start, end in sorted(every))
    edges = {edge for span in every for edge in span}
    for start, end in shown:
        if start > 0:
            yield GAP
        cuts = sorted({start, end, *(edge for edge in edges if start < edge < end)})
        for begin, stop in pairwise(cuts):
            marks = (mark for mark, found in spans.items() if any(a <= begin and stop <= b for a, b in found))
            yield Piece(text[begin:stop], tuple(marks))
    if shown and shown[-1][1] < len(text):
        yield GAP


def _joined(spans: Iterator[tuple[int, int]]) -> list[tuple[int, int]]:
    """The spans, with those that touch joined."""
    found: list[tuple[int, int]] = []
    for start, end in spans:
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return found
