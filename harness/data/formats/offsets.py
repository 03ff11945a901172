"""Finds out how a file's offsets are counted, from the text that its labels state they cover."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from harness.data.formats.document import Label, Problem, misplaced
from harness.data.formats.readings import Reading, Seen, Unit, find_way, readings, what_matters
from harness.data.formats.told import Tally

# Labels that a reading needs, and that characters do not fit, where a stray label or two may fit it by chance: a shift
# that nothing in the text explains is a slip as well, and one in nine offsets without the span's text begins and ends
# at bytes that bound Chinese characters.
_LABELS_TO_BELIEVE = 3

Span: TypeAlias = "tuple[int, int] | None"


@dataclass(frozen=True)
class Stated:
    """A label as in a file: offsets, in any unit, and the text that it states it covers."""

    start: int
    end: int
    type: str
    surface: str | None = None


class Offsets:
    """Collects all texts of a file, and then decides what each label covers.

    A text whose labels fit only one reading is read so. A text that fits several is read like the others of the file;
    if those do not decide either, it is read as the tool counts, and this is reported.
    """

    def __init__(self, own: Unit = Unit.CHARACTER, *, last_included: bool = False) -> None:
        ways = readings(last_included=last_included)
        self._plain, self._own = ways[0], find_way(ways, own, Seen.AS_IT_IS)
        self._mixed = find_way(ways, Unit.UTF16, Seen.AS_IT_IS)
        self._marks = find_way(ways, Unit.CHARACTER, Seen.AFTER_A_MARK)
        self._others = list(ways[1:])
        self._only: Counter[Reading] = Counter()  # labels of texts that fit this reading but not characters
        self._never: Counter[Reading] = Counter()  # labels of texts that fit characters but not this reading
        self._bare = False  # whether a label did not state its text

    def hear(self, text: str, labels: Sequence[Stated]) -> None:
        """Count the readings that fit the labels of a text."""
        if not labels:
            return
        bare = any(label.surface is None for label in labels)
        self._bare |= bare
        plain = _whole(_spans(self._plain, text, labels))
        matters = what_matters(text)
        for way in list(self._others):
            if not way.differs(matters) or (bare and (way.ends or way.seen is not Seen.AS_IT_IS)):
                continue
            fits = _whole(_spans(way, text, labels)) is not None
            self._only[way] += len(labels) * (fits and plain is None)
            self._never[way] += len(labels) * (plain is not None and not fits)
            # People and programs label the same project, some counting in UTF-16; whatever else there is goes for all.
            if self._never[way] and way is not self._mixed:
                self._others.remove(way)

    def settle(
        self, text: str, labels: Sequence[Stated], line: int, tally: Tally, problem: Problem, *, marked: bool = False
    ) -> list[Label | None]:
        """The characters that each label covers; None for a faulty one, which is reported."""
        if not labels:
            return []
        found = {way: spans for way in self._ways(text, marked=marked) if (spans := _whole(_spans(way, text, labels)))}
        if not found:
            return self._faults(text, labels, line, problem)
        way = self._choose(found, line, tally)
        if way is None:
            ways = " and in ".join(map(str, found))
            problem(line, f"the labels fit in {ways}, at different places: it is not known which way is meant")
            return [None] * len(labels)
        bounds = way.bounds(text)
        if any(not _exactly(label, _stretch(way, bounds, text, label)) for label in labels):
            tally.add(line, "a label's own text differs from the text in blanks or in the form of its characters")
        return [Label(*span, label.type) for label, span in zip(labels, found[way], strict=True)]

    def _ways(self, text: str, *, marked: bool) -> list[Reading]:
        """By characters, in UTF-16, after a byte order mark if there is one, and as most texts of the file need."""
        matters = what_matters(text)
        ways = [self._mixed, *([self._marks] if marked else []), *self._best]
        return [self._plain, *dict.fromkeys(way for way in ways if way.differs(matters))]

    @cached_property
    def _best(self) -> list[Reading]:
        """The readings that the most labels need; called after all texts were collected."""
        believed = {way: self._only[way] for way in self._others if self._only[way] >= self._enough(way)}
        return [way for way, labels in believed.items() if labels == max(believed.values())]

    def _enough(self, way: Reading) -> int:
        by_chance = way.moves_unseen or (self._bare and way.unit is Unit.UTF8)
        return _LABELS_TO_BELIEVE if by_chance else 1

    def _choose(self, found: dict[Reading, list[tuple[int, int]]], line: int, tally: Tally) -> Reading | None:
        """The reading for labels that fit all of these; None if it cannot be determined."""
        plain = found.get(self._plain)
        rivals = [way for way, spans in found.items() if spans != plain]
        shown = [way for way in rivals if plain is None or self._only[way]]
        if self._own in shown:
            shown = [self._own]
        if plain is not None and (not rivals or (not shown and any(self._never[way] for way in rivals))):
            return self._plain
        if not shown:
            chosen = self._own if self._own in found else self._plain
            ways = " and in ".join(map(str, found))
            tally.add(line, f"the labels fit in {ways}, and nothing in the file shows which is meant; read as {chosen}")
            return chosen
        if len({tuple(found[way]) for way in shown}) > 1 or (plain and any(self._never[way] for way in shown)):
            return None
        tally.add(line, f"the offsets are read as {shown[0]}: the labels fit so")
        return shown[0]

    def _faults(self, text: str, labels: Sequence[Stated], line: int, problem: Problem) -> list[Label | None]:
        ways = self._ways(text, marked=False)
        spans = max((_spans(way, text, labels) for way in ways), key=lambda spans: len(spans) - spans.count(None))
        for label, span in zip(labels, spans, strict=True):
            if span is None:
                problem(line, self._fault(text, label))
        return [None if span is None else Label(*span, label.type) for label, span in zip(labels, spans, strict=True)]

    def _fault(self, text: str, label: Stated) -> str:
        start, end = label.start + self._plain.start_shift, label.end + self._plain.end_shift
        fault = misplaced(start, end, len(text))
        if fault is not None or label.surface is None:
            return f"{label.type} at {label.start} to {label.end} {fault or 'cannot be read as the others'}"
        said = f"{label.type} {label.surface!r} does not stand at {label.start} to {label.end} in the text"
        if label.surface and text.count(label.surface) == 1:
            place = text.find(label.surface)
            said += f", but at {place} to {place + len(label.surface) - self._plain.end_shift}"
        return said


def _whole(spans: Sequence[Span]) -> list[tuple[int, int]] | None:
    """The spans, if every label has one."""
    found = [span for span in spans if span is not None]
    return found if len(found) == len(spans) else None


def _spans(way: Reading, text: str, labels: Sequence[Stated]) -> list[Span]:
    """What each label covers in this reading; None if it does not fit."""
    bounds = way.bounds(text)
    return [_span(way, bounds, text, label) for label in labels]


def _span(way: Reading, bounds: Sequence[int], text: str, label: Stated) -> Span:
    span = way.span(bounds, label.start, label.end)
    if span is None or label.surface is None:
        return span
    piece = text[slice(*span)]
    if _exactly(label, piece):
        return span
    if not piece.strip() or _folded(piece) != _folded(label.surface):
        return None
    return span[0] + len(piece) - len(piece.lstrip()), span[1] - len(piece) + len(piece.rstrip())


def _stretch(way: Reading, bounds: Sequence[int], text: str, label: Stated) -> str:
    """The whole text between a label's offsets, which fit."""
    span = way.span(bounds, label.start, label.end)
    return "" if span is None else text[slice(*span)]


def _exactly(label: Stated, piece: str) -> bool:
    """Whether a label covers the text that it states; some tools write line ends as blanks."""
    return label.surface is None or piece == label.surface or re.sub(r"[\n\r]", " ", piece) == label.surface


def _folded(words: str) -> str:
    """Without what tools change in a span's text: blanks, line ends written as such, and the form of characters."""
    return " ".join(unicodedata.normalize("NFKC", words).replace("\\n", " ").split())
