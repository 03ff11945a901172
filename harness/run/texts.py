"""Which texts a suite times, and which it only compares."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from harness.data.dataset import Example, pick
from harness.data.texts import is_file, read_texts
from harness.errors import InputError, unknown
from harness.plan.suite import Texts

Warn = Callable[[str], None]


def choose(texts: Texts, warn: Warn) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    """The texts that are timed, and others that are only compared.

    Args:
        texts: what the suite names.
        warn: told what of a file was left out.

    Raises:
        InputError: a dataset, a file or a text that is named is not there, or there is none at all.
    """
    examples = read_examples(texts.datasets, texts.schema, warn)
    if texts.ids:
        examples = [_named(name, examples) for name in texts.ids]
    if not examples:
        raise InputError(f"the datasets {', '.join(texts.datasets)} hold no text")
    timed = pick(examples, texts.count)
    known = {example.id for example in timed}
    others = read_examples(texts.compared, texts.schema, warn)
    return tuple(timed), tuple(example for example in others if example.id not in known)


def read_examples(datasets: Sequence[str], schema: str | None, warn: Warn) -> list[Example]:
    """All texts of some datasets, their ids those that a run has."""
    asked = None if schema is None else _json(schema)
    labels = [_label(name) for name in datasets]
    if twice := [name for name, label in zip(datasets, labels, strict=True) if labels.count(label) > 1]:
        raise InputError(
            f"the texts of {' and '.join(map(repr, twice))} would have the same names, {_label(twice[0])}:ID; rename "
            "one of the files"
        )
    return [_renamed(name, example) for name in datasets for example in read_texts(name, warn, schema=asked)]


def _json(schema: str) -> Any:
    try:
        return json.loads(schema)
    except ValueError as error:
        raise InputError(f"[texts] schema = {schema!r} is no JSON: {error}") from None


def _named(name: str, examples: Sequence[Example]) -> Example:
    by_id = {example.id: example for example in examples}
    if name not in by_id:
        raise InputError(unknown("text", name, by_id))
    return by_id[name]


def _renamed(dataset: str, example: Example) -> Example:
    return msgspec.structs.replace(example, id=f"{_label(dataset)}:{example.id}")


def _label(dataset: str) -> str:
    """What a dataset's texts are called after."""
    return Path(dataset).stem if is_file(dataset) else dataset
