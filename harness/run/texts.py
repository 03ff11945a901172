"""Which texts a suite times, and which it only compares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from harness.data.dataset import Example, pick
from harness.data.schemas import unused
from harness.data.texts import carry_schemas, is_file, read_texts
from harness.errors import InputError, unknown
from harness.plan.suite import Texts

Warn = Callable[[str], None]


def choose(texts: Texts, warn: Warn) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    """The texts that are timed, and others that are only compared.

    Args:
        texts: what the suite names.
        warn: told what of a file was left out.

    Raises:
        InputError: a dataset, a file or a text that is named is not there, there is none at all, or all carry a schema
            and one is given.
    """
    named = [*texts.datasets, *texts.compared]
    _check_names(named)
    if texts.schema is not None and all(map(carry_schemas, named)):
        raise unused(", ".join(named))
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
    """All texts of some datasets, their ids those that a run has; the schema is for those that carry none."""
    _check_names(datasets)
    return [
        _renamed(name, example)
        for name in datasets
        for example in read_texts(name, warn, schema=None if schema is None or carry_schemas(name) else schema)
    ]


def _check_names(datasets: Sequence[str]) -> None:
    by_label: dict[str, str] = {}
    for name in datasets:
        other = by_label.setdefault(_label(name), name)
        if is_file(name) and Path(other).resolve() != Path(name).resolve():
            raise InputError(
                f"the texts of {other!r} and {name!r} would have the same names, {_label(name)}:ID; rename one of the "
                "files"
            )


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
