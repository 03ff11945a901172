"""Records without any content of their texts, for reports that are passed on."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from harness.record import ColdStart, Failed, Measured, Parity, Record

LEFT_OUT = "the message is left out, because it may quote a text"


def without_texts(records: Sequence[Record]) -> list[Record]:
    """The same records. A different answer keeps only the id of its text, a failure only its kind."""
    return [_without(record) for record in records]


def _without(record: Record) -> Record:
    if isinstance(record, Failed):
        return replace(record, error=LEFT_OUT)
    if not isinstance(record, Measured) or isinstance(record.samples, ColdStart):
        return record
    return replace(record, samples=replace(record.samples, parity=_named(record.samples.parity)))


def _named(parity: Parity) -> Parity:
    return replace(parity, differences=[replace(one, expected=[], got=[]) for one in parity.differences])
