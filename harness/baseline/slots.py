"""The slots of an extractor that say how texts and prompts are grouped and padded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol, TypeAlias, TypeVar

from harness.baseline.tokenize import TokenizedText
from harness.baseline.windows import PROMPT_TOKENS, TEXT_TOKENS, Window

_T = TypeVar("_T")
_PART_ROWS = 8  # source: the reference's inference batch size


@dataclass(frozen=True, eq=False)
class Document:
    """One request's text: its tokens, its windows, and where its prompts' position ids start."""

    text: str
    tokens: TokenizedText
    windows: tuple[Window, ...]
    prompt_start: int


@dataclass(frozen=True, eq=False)
class Ask:
    """One prompt put to one document."""

    document: Document
    prompt: tuple[int, ...]

    @property
    def prompted(self) -> Prompted:
        """The parts that its logits depend on."""
        return self.document, self.prompt


Prompted: TypeAlias = tuple[Document, tuple[int, ...]]


@dataclass(frozen=True, eq=False)
class Row:
    """One ask in one of its document's windows: a row of the cross layers' batch."""

    ask: Ask
    window: int


class Padding(Protocol):
    """The slot ``padding``: to how many tokens a batch is padded, given its longest row."""

    def text(self, longest: int, characters: int, /) -> int:
        """The padded length of texts, at least ``longest`` tokens; ``characters`` is the length of the longest text."""
        ...

    def prompt(self, longest: int) -> int:
        """The padded length of prompts; at least ``longest``."""
        ...


@dataclass(frozen=True)
class PadToFixed:
    """The baseline's padding: always to the model's full 384 + 128 tokens."""

    def text(self, longest: int, _: int, /) -> int:
        """384, whatever the texts."""
        return max(longest, TEXT_TOKENS)

    def prompt(self, longest: int) -> int:
        """128, whatever the prompts."""
        return max(longest, PROMPT_TOKENS)


@dataclass(frozen=True)
class PadToLongest:
    """Pad to the longest row of the batch, rounded up to a multiple."""

    multiple: int = 1

    def text(self, longest: int, _: int, /) -> int:
        """The longest text, rounded up, to at most 384."""
        return min(_round_up(longest, self.multiple), TEXT_TOKENS)

    def prompt(self, longest: int) -> int:
        """The longest prompt, rounded up, to at most 128."""
        return min(_round_up(longest, self.multiple), PROMPT_TOKENS)


class Batching(Protocol):
    """The slot ``batching``: what goes through the model together."""

    joins_requests: ClassVar[bool]  # whether a server should let waiting requests share a call

    def requests(self, requests: Sequence[_T]) -> Iterable[Sequence[_T]]:
        """Split the requests of one call into groups that are answered level by level together."""
        ...

    def units(self, nodes: Sequence[Sequence[Ask]]) -> Iterable[Sequence[Ask]]:
        """Regroup one level's asks, node by node: each unit's texts are encoded once, together."""
        ...

    def chunks(self, rows: Sequence[Row]) -> Iterable[Sequence[Row]]:
        """Split the rows of a unit into forwards of prompts and cross layers."""
        ...


@dataclass(frozen=True)
class NodeByNode:
    """One text at a time, each schema node by itself, all prompts of a node in one forward."""

    joins_requests: ClassVar[bool] = False

    def requests(self, requests: Sequence[_T]) -> Iterable[Sequence[_T]]:
        """Each request alone."""
        return ([request] for request in requests)

    def units(self, nodes: Sequence[Sequence[Ask]]) -> Iterable[Sequence[Ask]]:
        """Each node alone, so that the text is encoded again for every node."""
        return nodes

    def chunks(self, rows: Sequence[Row]) -> Iterable[Sequence[Row]]:
        """All prompts of the node, each with all its windows."""
        return [rows]


class MicroBatches(Protocol):
    """The slot ``micro_batches``: which rows of a forward go through the model at once."""

    def sizes(self, rows: int, tokens: int, /) -> list[int]:
        """How many rows each part of a forward has, in order, given its rows and the padded tokens of each."""
        ...


@dataclass(frozen=True)
class WholeBatch:
    """All rows of a forward at once."""

    def sizes(self, rows: int, _: int, /) -> list[int]:
        """One part, whatever the length."""
        return [rows]


@dataclass(frozen=True)
class EvenParts:
    """Parts of at most 8 rows that differ by one row at most, whatever the length.

    Source: the reference's pipeline. The number of parts is rows // 8 + 1, so 8 rows make two parts of 4.
    """

    def sizes(self, rows: int, _: int, /) -> list[int]:
        """The bigger parts come first."""
        parts = rows // _PART_ROWS + 1
        smaller, bigger = divmod(rows, parts)
        return [smaller + 1] * bigger + [smaller] * (parts - bigger)


WHOLE_BATCH = WholeBatch()


def _round_up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple
