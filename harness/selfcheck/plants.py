"""Faults that a measurement must find, as optimizations."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from harness.plugin import Evidence, Probe, Stage, optimization

if TYPE_CHECKING:
    from harness.baseline.slots import Ask, Batching, Row
    from harness.baseline.tokenize import TextTokenizer, TokenizedText
    from harness.plugin import Extractor

_MEBIBYTE = 2**20
_KEPT = 4 * _MEBIBYTE  # of a request: what is weighed answers each text once, and some more to warm up


@dataclass(frozen=True)
class _Around:
    """The slot ``batching`` as it was, with something that happens after each group of requests was answered."""

    inner: Batching
    after: Callable[[float], None]  # told how many seconds the group took

    @property
    def joins_requests(self) -> bool:
        """As it was."""
        return self.inner.joins_requests

    def requests(self, requests: Sequence[Any]) -> Iterator[Sequence[Any]]:
        """As they were; a group is answered between its yield and the next."""
        for group in self.inner.requests(requests):
            begun = time.perf_counter()
            yield group
            self.after(time.perf_counter() - begun)

    def units(self, nodes: Sequence[Sequence[Ask]]) -> Iterable[Sequence[Ask]]:
        """As they were."""
        return self.inner.units(nodes)

    def chunks(self, rows: Sequence[Row]) -> Iterable[Sequence[Row]]:
        """As they were."""
        return self.inner.chunks(rows)


@dataclass(frozen=True)
class _Shifting:
    """The slot ``tokenizer``, whose offsets in one text are a character too far."""

    inner: TextTokenizer
    beginning: str

    def text(self, text: str) -> TokenizedText:
        """As it was, but for that one text."""
        tokens = self.inner.text(text)
        if not text.startswith(self.beginning):
            return tokens
        return replace(tokens, offsets=(tokens.offsets + 1).clip(max=len(text)))

    def prompt(self, prompt: str) -> tuple[int, ...]:
        """As it was."""
        return self.inner.prompt(prompt)


def _planted(name: str, slot: str, kind: type) -> Callable[[Probe], Evidence]:
    def look(probe: Probe) -> Evidence:
        there = isinstance(getattr(probe.extractor, slot), kind)
        return Evidence(name, active=there, summary=f"the slot {slot} is {'' if there else 'not '}the plant's")

    return look


@optimization(Stage.GRAPH, exact=True, evidence=_planted("slower", "batching", _Around))
def slower(extractor: Extractor, *, share: float = 0.1) -> Extractor:
    """Make every request slower: wait, busily, for a share of the request's own time."""

    def wait(seconds: float) -> None:
        end = time.perf_counter() + share * seconds
        while time.perf_counter() < end:
            pass

    return replace(extractor, batching=_Around(extractor.batching, wait))  # type: ignore[arg-type]


@optimization(Stage.GRAPH, exact=True, evidence=_planted("grows", "batching", _Around))
def grows(extractor: Extractor, *, mebibytes: int = 64) -> Extractor:
    """Keep four mebibytes of every request, up to so many in all."""
    kept: list[bytearray] = []

    def keep(_: float) -> None:
        if len(kept) * _KEPT < mebibytes * _MEBIBYTE:
            kept.append(bytearray(b"\1" * _KEPT))  # written to, so that it takes memory

    return replace(extractor, batching=_Around(extractor.batching, keep))  # type: ignore[arg-type]


@optimization(Stage.GRAPH, exact=True, evidence=_planted("misanswers", "tokenizer", _Shifting))
def misanswers(extractor: Extractor, *, beginning: str) -> Extractor:
    """Answer the texts that begin so with spans that lie a character too far."""
    return replace(extractor, tokenizer=_Shifting(extractor.tokenizer, beginning))
