"""The texts that a suite times, and those that it only compares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from harness.data.dataset import Example, pick
from harness.data.schemas import unused
from harness.data.texts import carry_schemas, find_texts, is_file, read_texts
from harness.errors import InputError, unknown
from harness.plan.suite import Suite, Texts

Warn = Callable[[str], None]


def with_texts(suite: Suite, folder: Path, format_name: str | None) -> Suite:
    """The suite with the paths of its files, and with another format if one is given.

    Args:
        suite: as read.
        folder: the folder of its file, which may hold its files of texts.
        format_name: the format of all files; None keeps the suite's.

    Raises:
        InputError: a name could mean two files.
    """
    asked = suite.texts
    paths = {name: find_texts(name, folder) for name in (*asked.datasets, *asked.compared)}
    said = asked.format
    if format_name is not None:
        said = format_name
    elif isinstance(said, dict):
        said = {paths[name]: written for name, written in said.items()}
    texts = msgspec.structs.replace(
        asked,
        datasets=[paths[name] for name in asked.datasets],
        compared=[paths[name] for name in asked.compared],
        format=said,
    )
    return msgspec.structs.replace(suite, texts=texts)


def choose(texts: Texts, warn: Warn) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    """The timed texts, and others that are only compared.

    Args:
        texts: the suite's section on texts.
        warn: called with what was left out of a file.

    Raises:
        InputError: a named dataset, file or text does not exist, there are no texts, or a schema is given although
            all texts have one.
    """
    named = [*texts.datasets, *texts.compared]
    _check_names(named)
    if texts.schema is not None and all(carry_schemas(name, texts.format_of(name)) for name in named):
        raise unused(", ".join(named))
    examples = _read(texts.datasets, texts, warn)
    if texts.ids:
        examples = [_named(name, examples) for name in texts.ids]
    if not examples:
        raise InputError(f"the datasets {', '.join(texts.datasets)} hold no text")
    timed = pick(examples, texts.count)
    known = {example.id for example in timed}
    others = _read(texts.compared, texts, warn)
    return tuple(timed), tuple(example for example in others if example.id not in known)


def read_examples(texts: Texts, warn: Warn) -> list[Example]:
    """All texts that a suite names, with the ids that they have in a run."""
    return _read([*texts.datasets, *texts.compared], texts, warn)


def _read(names: Sequence[str], texts: Texts, warn: Warn) -> list[Example]:
    """All texts of some datasets; the schema is for those that have none."""
    _check_names(names)
    found: list[Example] = []
    for name in names:
        format_name = texts.format_of(name) if is_file(name) else None
        schema = None if texts.schema is None or carry_schemas(name, format_name) else texts.schema
        found += (_renamed(name, one) for one in read_texts(name, warn, format_name=format_name, schema=schema))
    return found


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
    """The prefix of the ids of a dataset's texts."""
    return Path(dataset).stem if is_file(dataset) else dataset
