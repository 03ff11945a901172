"""Many texts and prompts in one forward."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, TypeVar

from harness.plugin import Evidence, InputError, Probe, Stage, optimization

if TYPE_CHECKING:
    from harness.baseline.slots import Ask, Document, Row
    from harness.plugin import Extractor

_T = TypeVar("_T")
_MOST_REQUESTS = 256  # answered together; their answers wait for each other


@dataclass(frozen=True)
class TokenBudget:
    """The slot ``batching``: groups of like length, as many as fit a number of padded tokens."""

    joins_requests: ClassVar[bool] = True

    tokens: int

    def requests(self, requests: Sequence[_T]) -> Iterable[Sequence[_T]]:
        """All requests of a call together, up to a few hundred."""
        from harness.baseline.slots import batched

        return batched(requests, _MOST_REQUESTS)

    def units(self, nodes: Sequence[Sequence[Ask]]) -> Iterable[Sequence[Ask]]:
        """A level's asks by text, so that each text is encoded once a level, texts of like length together."""
        by_document: dict[Document, list[Ask]] = {}
        for ask in (ask for node in nodes for ask in node):
            by_document.setdefault(ask.document, []).append(ask)
        documents = sorted(by_document, key=_tokens)
        for group in self._fitting(documents, _tokens, lambda document: len(document.windows)):
            yield [ask for document in group for ask in by_document[document]]

    def chunks(self, rows: Sequence[Row]) -> Iterable[Sequence[Row]]:
        """The rows by length, as many as fit."""
        return self._fitting(sorted(rows, key=_row_tokens), _row_tokens, lambda _: 1)

    def _fitting(
        self, items: Sequence[_T], tokens: Callable[[_T], int], rows: Callable[[_T], int]
    ) -> Iterator[list[_T]]:
        """Consecutive groups whose rows, padded to the longest, stay within the budget; at least one item each."""
        group: list[_T] = []
        height = 0
        for item in items:  # the longest so far is always the last
            if group and (height + rows(item)) * tokens(item) > self.tokens:
                yield group
                group, height = [], 0
            group.append(item)
            height += rows(item)
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
        tokens: padded tokens of a forward, at most.
    """
    if tokens < 1:
        raise InputError(f"batching: tokens is {tokens}; it must be at least 1")
    return replace(extractor, batching=TokenBudget(tokens))


def _tokens(document: Document) -> int:
    return max(len(window.ids) for window in document.windows)


def _row_tokens(row: Row) -> int:
    return len(row.ask.document.windows[row.window].ids) + len(row.ask.prompt)
