"""One untimed pass, taken apart: what each request spends its time on, and what memory the process has meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from harness.measure.over_time import Watch
from harness.profile import PARTS, Profile, Traffic

if TYPE_CHECKING:
    from harness.baseline.extractor import Extractor
    from harness.baseline.tokenize import TextTokenizer, TokenizedText

_Inputs = ParamSpec("_Inputs")
_Output = TypeVar("_Output")


class Stopwatch:
    """Time by part: while an inner part runs, the outer one stands still. In nanoseconds."""

    def __init__(self, synchronize: Callable[[], object], clock: Callable[[], int] = time.perf_counter_ns) -> None:
        self.spent = dict.fromkeys(PARTS, 0)
        self._synchronize, self._clock = synchronize, clock
        self._open: list[str] = []
        self._since = 0

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Time what runs inside."""
        self._turn()
        self._open.append(name)
        try:
            yield
        finally:
            self._turn()
            self._open.pop()

    def timing(self, name: str, function: Callable[_Inputs, _Output]) -> Callable[_Inputs, _Output]:
        """The same function, timed as a part."""

        def timed(*inputs: _Inputs.args, **named: _Inputs.kwargs) -> _Output:
            with self.part(name):
                return function(*inputs, **named)

        return timed

    def take(self) -> dict[str, int]:
        """What each part took since the last time this was asked."""
        taken, self.spent = self.spent, dict.fromkeys(PARTS, 0)
        return taken

    def _turn(self) -> None:
        self._synchronize()
        now = self._clock()
        if self._open:
            self.spent[self._open[-1]] += now - self._since
        self._since = now


def profile(
    extractor: Extractor, texts: Sequence[str], schemas: Sequence[Any], synchronize: Callable[[], object]
) -> Profile:
    """Answer each text once or twice more, and note what it took.

    Args:
        extractor: any; it is not changed.
        texts: those that are timed.
        schemas: one a text.
        synchronize: waits for the device.
    """
    watch = Stopwatch(synchronize)
    watched = _watched(extractor, watch)
    spent = []
    with Watch(extractor.device) as memory:
        for text, schema in zip(texts, schemas, strict=True):
            with watch.part("decode"):
                watched.extract(text, schema)
            spent.append(watch.take())
    step_ns, host, cuda = memory.steps()
    parts = {name: [one[name] for one in spent] for name in PARTS}
    return Profile(parts, step_ns, host, cuda_allocated_bytes=cuda, traffic=_traffic(extractor, texts, schemas))


def _traffic(extractor: Extractor, texts: Sequence[str], schemas: Sequence[Any]) -> list[Traffic]:
    """What passes between host and device for each text, in a pass of its own; nothing where they are the same."""
    if extractor.device.type == "cpu":
        return []
    from harness.measure.traffic import Counting

    found = []
    for text, schema in zip(texts, schemas, strict=True):
        with Counting(extractor.device) as counting:
            extractor.extract(text, schema)
        found.append(counting.traffic)
    return found


@dataclass(frozen=True)
class _Tokenizer:
    tokenizer: TextTokenizer
    watch: Stopwatch

    def text(self, text: str) -> TokenizedText:
        with self.watch.part("tokenize"):
            return self.tokenizer.text(text)

    def prompt(self, prompt: str) -> tuple[int, ...]:
        with self.watch.part("tokenize"):
            return self.tokenizer.prompt(prompt)


def _watched(extractor: Extractor, watch: Stopwatch) -> Extractor:
    """An extractor that answers as it did, its parts timed."""
    from harness.baseline.extractor import Extractor
    from harness.baseline.forward import Forwards, Scorer
    from harness.baseline.screening import ScreeningScorer

    class WatchedScorer(Scorer):
        score = watch.timing("arrange", Scorer.score)
        to_device = watch.timing("to_device", Scorer.to_device)
        to_host = watch.timing("to_host", Scorer.to_host)

    def watched(scorer: Scorer) -> Scorer:
        own = scorer.forwards
        forwards = Forwards(
            watch.timing("text_tower", own.encode_text),
            watch.timing("prompt_tower", own.encode_prompt),
            watch.timing("cross", own.cross),
        )
        return WatchedScorer(**{**vars(scorer), "forwards": forwards})

    class WatchedExtractor(Extractor):
        def scorer(self) -> Scorer | ScreeningScorer:
            own = super().scorer()
            if isinstance(own, Scorer):
                return watched(own)
            return replace(own, rounded=watched(own.rounded), exact=watched(own.exact))

    return WatchedExtractor(**{**vars(extractor), "tokenizer": _Tokenizer(extractor.tokenizer, watch)})
