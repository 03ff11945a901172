"""The guide's batching: a loop over the list."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, TypeVar

from harness.plugin import Evidence, Probe, Stage, optimization

if TYPE_CHECKING:
    from harness.baseline.slots import Ask, Row
    from harness.plugin import Extractor

_T = TypeVar("_T")


@dataclass(frozen=True)
class LoopOverTexts:
    """The slot ``batching``: a list of texts comes in, and they are answered one by one."""

    joins_requests: ClassVar[bool] = False

    def requests(self, requests: Sequence[_T]) -> Iterable[Sequence[_T]]:
        """Each request alone."""
        for request in requests:
            yield [request]

    def units(self, nodes: Sequence[Sequence[Ask]]) -> Iterable[Sequence[Ask]]:
        """Each node alone, as the single-text function has it."""
        return nodes

    def chunks(self, rows: Sequence[Row]) -> Iterable[Sequence[Row]]:
        """All prompts of the node at once."""
        return [rows]


def calls_of_a_list(probe: Probe) -> Evidence:
    """Count the forwards of the text tower for the list, and for its texts one by one."""
    together = _forwards(probe)
    alone = sum(
        _forwards(Probe(probe.extractor, [text], [schema]))
        for text, schema in zip(probe.texts, probe.schemas, strict=True)
    )
    return Evidence(
        optimization="batching_as_published",
        active=isinstance(probe.extractor.batching, LoopOverTexts) and together == alone,
        summary=f"a list of {len(probe.texts)} texts takes {together} forwards of the text tower, one by one {alone}",
        figures={"texts": len(probe.texts), "forwards": together, "forwards_alone": alone},
    )


@optimization(Stage.BATCH, exact=False, evidence=calls_of_a_list, conflicts=["batching"])
def batching_as_published(extractor: Extractor) -> Extractor:
    """Answer a list of texts by a loop that calls the single-text function.

    Cheaper: nothing on the device. n texts take the forwards of n calls; a client saves the way of n - 1 requests, and
    its first text waits for its last. The guide's route also drops the rest of the longer list where texts and schemas
    differ in number; here both are checked.
    Source: step 4 of the guide, as published.
    """
    return replace(extractor, batching=LoopOverTexts())


def _forwards(probe: Probe) -> int:
    return sum(shape.forward == "encode_text" for shape in probe.shapes())
