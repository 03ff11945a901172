"""Datasets by name or file: JSONL lines of text, schema and gold spans."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from harness.baseline.schema import Schema, check_encodable, check_schema, check_text
from harness.data.formats import lines
from harness.data.formats.document import Problem
from harness.data.ids import Ids
from harness.errors import InputError, unknown
from harness.record import Chains
from harness.resources import resource
from harness.textfile import read_lines

_LINE = '{"id": "1", "text": "文本", "schema": {"类型": null}, "gold": [[{"type", "span", "offset": [start, end]}]]}'


class Example(msgspec.Struct, frozen=True):
    """One checked text with its schema, and its gold chains if there are any."""

    id: str
    text: str
    schema: Schema
    gold: Chains | None = None


def dataset_names() -> list[str]:
    """The splits that come with the tool, as ``NAME/SPLIT``."""
    root = resource("datasets")
    return sorted(f"{path.parent.name}/{path.stem}" for path in root.glob("*/*.jsonl"))


def find_dataset(name: str) -> Path:
    """The file of a dataset: ``NAME`` (its test split), ``NAME/SPLIT`` or a path to a JSONL file.

    Raises:
        InputError: it does not exist.
    """
    if name.endswith(".jsonl"):
        if not Path(name).is_file():
            raise InputError(f"dataset file {name!r} does not exist")
        return Path(name)
    split = name if "/" in name else f"{name}/test"
    if split not in dataset_names():
        raise InputError(f"{unknown('dataset', split, dataset_names())}; a file's name ends in .jsonl")
    return resource("datasets") / f"{split}.jsonl"


def read_dataset(name: str) -> Iterator[Example]:
    """Stream the examples of a dataset, each checked.

    Raises:
        InputError: a line cannot be used; the message names the file, the line and the fault.
    """
    yield from read_examples(find_dataset(name))


def read_examples(path: Path) -> Iterator[Example]:
    """Stream the examples of a file in this project's format, each checked.

    Raises:
        InputError: as :func:`read_dataset`.
    """

    def refuse(line: int, said: str) -> None:
        raise InputError(f"{path}, line {line}: {said}")

    for _, example in sound_examples(path, refuse):
        yield example


def sound_examples(path: Path, problem: Problem) -> Iterator[tuple[int, Example]]:
    """Stream the examples of a file in this project's format with their lines; what cannot be used is reported."""
    with Ids() as seen:
        for number, line in read_lines(path, problem):
            if line.strip():
                try:
                    yield number, parse_example(line, number, seen)
                except InputError as error:
                    problem(number, str(error))


def parse_example(line: str, number: int, seen: Ids, schema: Any = None) -> Example:
    """Check one JSONL line; unknown keys are ignored.

    Args:
        line: its text.
        number: the line's number, which is the id of a text without one.
        seen: the ids of the lines before; this one's is added.
        schema: for a line that has none.

    Raises:
        InputError: it is not an object with the keys text and schema, its id is an earlier line's, or a gold span is
            not in the text.
    """
    found = lines.parse_object(line)
    example = check_example(
        found if found.get("schema") is not None or schema is None else {**found, "schema": schema}, number
    )
    if not seen.add(example.id):
        raise InputError(f"the id {example.id!r} is already on an earlier line; ids must be unique")
    return example


def check_example(data: dict[str, Any], number: int) -> Example:
    """Check the object of a line.

    Raises:
        InputError: as :func:`parse_example`.
    """
    for key in ("text", "schema"):
        if key not in data:
            raise InputError(f"the key {key!r} is missing; a line is {_LINE}")
    id_ = lines.named(data, number)
    check_encodable(id_, "the id")
    text, schema = check_text(data["text"]), check_schema(data["schema"])
    gold = data.get("gold")
    if gold is not None:
        _check_gold(gold, text, schema)
    return Example(id_, text, schema, gold)


def pick(examples: Sequence[Example], count: int | None) -> list[Example]:
    """This many examples, spread evenly over the lengths, in their own order; all if ``count`` is None."""
    if count is None or count >= len(examples):
        return list(examples)
    by_length = sorted(range(len(examples)), key=lambda i: len(examples[i].text))
    step = (len(examples) - 1) / max(count - 1, 1)
    return [examples[i] for i in sorted(by_length[-1 - round(step * k)] for k in range(count))]


def _check_gold(gold: Any, text: str, schema: Schema) -> None:
    try:
        chains = msgspec.convert(gold, Chains)
    except msgspec.ValidationError as error:
        raise InputError(f"gold: {error}; a line is {_LINE}") from None
    for chain in chains:
        below: Schema | None = schema
        for item in chain:
            if below is None or item["type"] not in below:
                raise InputError(f"gold: the type {item['type']!r} is not in the schema at this place")
            below = below[item["type"]]
            start, end = item["offset"]
            if not 0 <= start < end or text[start:end] != item["span"]:
                raise InputError(f"gold: {item['span']!r} does not stand at {item['offset']} in the text")
        if not chain or below is not None:
            raise InputError("gold: a chain goes from a root of the schema down to a leaf; one is empty or ends early")
