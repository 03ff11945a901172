"""Faults that a measurement must find, as optimizations."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from harness.plugin import Evidence, Probe, Stage, optimization

if TYPE_CHECKING:
    from harness.baseline.slots import Ask, Batching, Row
    from harness.baseline.tokenize import TextTokenizer, TokenizedText
    from harness.plugin import Extractor

_KIBIBYTE, _MEBIBYTE = 2**10, 2**20
_KEPT = 4 * _MEBIBYTE  # of a request: what is weighed answers each text once, and some more to warm up


@dataclass(frozen=True)
class _Around:
    """The slot ``batching`` as it was, with something that happens after each group of requests was answered."""

    inner: Batching
    after: Callable[[Sequence[Any], float], None]  # given the group, and how many seconds it took

    @property
    def joins_requests(self) -> bool:
        """As it was."""
        return self.inner.joins_requests

    def requests(self, requests: Sequence[Any]) -> Iterator[Sequence[Any]]:
        """As they were; a group is answered between its yield and the next."""
        for group in self.inner.requests(requests):
            begun = time.perf_counter()
            yield group
            self.after(group, time.perf_counter() - begun)

    def units(self, nodes: Sequence[Sequence[Ask]]) -> Iterable[Sequence[Ask]]:
        """As they were."""
        return self.inner.units(nodes)

    def chunks(self, rows: Sequence[Row]) -> Iterable[Sequence[Row]]:
        """As they were."""
        return self.inner.chunks(rows)


class _Alone(_Around):
    """The slot ``batching``, whose server answers one request at a time."""

    joins_requests: ClassVar[bool] = False


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


def _around(extractor: Extractor, after: Callable[[Sequence[Any], float], None]) -> Extractor:
    return replace(extractor, batching=_Around(extractor.batching, after))  # type: ignore[arg-type]


def _wait(seconds: float) -> None:
    """Busily, as a slower program would."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


@optimization(Stage.GRAPH, exact=True, evidence=_planted("slower", "batching", _Around))
def slower(extractor: Extractor, *, share: float = 0.1) -> Extractor:
    """Make every request slower by a share of its own time."""
    return _around(extractor, lambda _, seconds: _wait(share * seconds))


@optimization(Stage.GRAPH, exact=True, evidence=_planted("slow_text", "batching", _Around))
def slow_text(extractor: Extractor, *, beginning: str, times: float = 2.0) -> Extractor:
    """Make the text with this beginning take `times` as long."""

    def wait(group: Sequence[Any], seconds: float) -> None:
        if any(request.text.startswith(beginning) for request in group):
            _wait((times - 1) * seconds)

    return _around(extractor, wait)


@optimization(Stage.GRAPH, exact=True, evidence=_planted("tires", "batching", _Around))
def tires(extractor: Extractor, *, a_request: float) -> Extractor:
    """Make each request slower than the one before, by a share of its own time that grows with every one."""
    answered = itertools.count()
    return _around(extractor, lambda _, seconds: _wait(next(answered) * a_request * seconds))


@optimization(Stage.GRAPH, exact=True, evidence=_planted("leaks", "batching", _Around))
def leaks(extractor: Extractor, *, kibibytes: int = 10) -> Extractor:
    """Keep `kibibytes` for every request."""
    kept: list[bytearray] = []
    return _around(extractor, lambda _, __: kept.append(bytearray(b"\1" * kibibytes * _KIBIBYTE)))


@optimization(Stage.GRAPH, exact=True, evidence=_planted("grows", "batching", _Around))
def grows(extractor: Extractor, *, mebibytes: int = 64) -> Extractor:
    """Keep four mebibytes for every request, up to `mebibytes` in all."""
    kept: list[bytearray] = []

    def keep(_: Sequence[Any], __: float) -> None:
        if len(kept) * _KEPT < mebibytes * _MEBIBYTE:
            kept.append(bytearray(b"\1" * _KEPT))  # written to, so that it takes memory

    return _around(extractor, keep)


@optimization(Stage.GRAPH, exact=True, evidence=_planted("grows_on_device", "batching", _Around))
def grows_on_device(extractor: Extractor, *, mebibytes: int = 64) -> Extractor:
    """Keep four mebibytes of the device for every request, up to `mebibytes` in all."""
    import torch

    kept: list[torch.Tensor] = []

    def keep(_: Sequence[Any], __: float) -> None:
        if len(kept) * _KEPT < mebibytes * _MEBIBYTE:
            kept.append(torch.ones(_KEPT, dtype=torch.uint8, device=extractor.device))

    return _around(extractor, keep)


@optimization(Stage.GRAPH, exact=True, evidence=_planted("alone", "batching", _Alone))
def alone(extractor: Extractor) -> Extractor:
    """Let a server answer each request alone, whatever waits."""
    return replace(extractor, batching=_Alone(extractor.batching, lambda _, __: None))


@optimization(Stage.GRAPH, exact=True, evidence=_planted("misanswers", "tokenizer", _Shifting))
def misanswers(extractor: Extractor, *, beginning: str) -> Extractor:
    """Answer the texts that begin so with spans that lie a character too far."""
    return replace(extractor, tokenizer=_Shifting(extractor.tokenizer, beginning))
