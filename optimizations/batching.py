"""Many texts and prompts in one forward."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, NamedTuple, TypeVar

from harness.groups import batched
from harness.plugin import Evidence, InputError, Probe, Stage, optimization

if TYPE_CHECKING:
    from harness.baseline.slots import Ask, Document, Padding, Row
    from harness.plugin import Extractor

_T = TypeVar("_T")
_MOST_REQUESTS = 256  # answered together; their answers wait for each other


class Extent(NamedTuple):
    """What decides how many tokens a forward is padded to: its rows, and the longest text and prompt among them."""

    text: int  # tokens
    prompt: int  # tokens; 0 in the text tower, which has none
    characters: int  # of the text
    rows: int

    def with_(self, other: Extent) -> Extent:
        """Of both together."""
        text, prompt, characters = (max(pair) for pair in zip(self[:-1], other[:-1], strict=True))
        return Extent(text, prompt, characters, self.rows + other.rows)

    def padded(self, padding: Padding) -> int:
        """The tokens of the forward, padding included."""
        prompt = padding.prompt(self.prompt) if self.prompt else 0
        return self.rows * (padding.text(self.text, self.characters) + prompt)


@dataclass(frozen=True)
class TokenBudget:
    """The slot ``batching``: groups of like length, as many as fit a number of padded tokens."""

    joins_requests: ClassVar[bool] = True

    tokens: int
    padding: Padding  # the extractor's

    def requests(self, requests: Sequence[_T]) -> Iterable[Sequence[_T]]:
        """All requests of a call together, up to a few hundred."""
        return batched(requests, _MOST_REQUESTS)

    def units(self, nodes: Sequence[Sequence[Ask]]) -> Iterable[Sequence[Ask]]:
        """A level's asks by text, so that each text is encoded once a level, texts of like length together."""
        by_document: dict[Document, list[Ask]] = {}
        for ask in (ask for node in nodes for ask in node):
            by_document.setdefault(ask.document, []).append(ask)
        for group in self._fitting(by_document, _of_document):
            yield [ask for document in group for ask in by_document[document]]

    def chunks(self, rows: Sequence[Row]) -> Iterable[Sequence[Row]]:
        """The rows by length, as many as fit."""
        return self._fitting(rows, _of_row)

    def _fitting(self, items: Iterable[_T], extent: Callable[[_T], Extent]) -> Iterator[list[_T]]:
        """The items by length, in groups that stay within the budget when they are padded; at least one item each."""
        group: list[_T] = []
        whole = Extent(0, 0, 0, 0)
        for item in sorted(items, key=extent):
            grown = whole.with_(extent(item))
            if group and grown.padded(self.padding) > self.tokens:
                yield group
                group, grown = [], extent(item)
            group.append(item)
            whole = grown
        yield group


def calls_saved(probe: Probe) -> Evidence:
    """Count the forwards of the text tower with and without batching."""
    from harness.baseline.slots import NodeByNode

    alone = replace(probe.extractor, batching=NodeByNode())
    ours, theirs = (
        sum(shape.forward == "encode_text" for shape in probe.shapes(extractor))
        for extractor in (probe.extractor, alone)
    )
    return Evidence(
        optimization="batching",
        active=ours < theirs or theirs == 1,
        summary=f"{ours} forwards of the text tower instead of {theirs}",
        figures={"forwards": ours, "forwards_alone": theirs},
    )


@optimization(Stage.BATCH, exact=True, evidence=calls_saved)
def batching(extractor: Extractor, *, tokens: int = 8192) -> Extractor:
    """Answer many texts, and all prompts of a schema level, in few forwards.

    Cheaper: the fixed cost of a forward is paid once for many rows, big matrix products run nearer to what the device
    can do, and a text is encoded once for all nodes of a level instead of once a node. A single request gains only
    where its schema is nested; a big batch on a CPU gains little, since one row of a base-sized model keeps it busy.
    Rows are sorted by length so that few are padded, and a budget of padded tokens bounds the memory. Rows do not see
    each other, so no answer changes.
    Source: step 4 of the guide, whose batch is a loop over the list.

    Args:
        extractor: the extractor to change.
        tokens: padded tokens of a forward, at most; a longer row, or a text with all its windows, goes alone.
    """
    if tokens < 1:
        raise InputError(f"batching: tokens is {tokens}; it must be at least 1")
    return replace(extractor, batching=TokenBudget(tokens, extractor.padding))


def _of_document(document: Document) -> Extent:
    return Extent(max(len(window.ids) for window in document.windows), 0, len(document.text), len(document.windows))


def _of_row(row: Row) -> Extent:
    document = row.ask.document
    return Extent(len(document.windows[row.window].ids), len(row.ask.prompt), len(document.text), 1)
