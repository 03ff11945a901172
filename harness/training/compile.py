"""The datasets' JSONL files, made from their sources (`python -m harness.training.compile [DATASETS]`).

``source/SPLIT.DOMAIN.txt`` holds the hand-written texts of a domain, marked up. The train split of a dataset with
several domains also gets texts of their grammars, so that it has enough long ones.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.record import Item
from harness.resources import resource
from harness.textfile import read_text
from harness.training.corpus import Domain, joined, read_domains
from harness.training.markup import Marked, Node, chains, parse, read_file

SPLITS = ("train", "dev", "test")
# Lengths of the generated texts of a domain in characters, from and to, and how many.
GENERATED = ((0, 128, 40), (128, 400, 6), (400, 1500, 11), (1500, 3000, 3))
MOST_CHAINS = 40  # a schema that gives a generated text more is drawn anew


def compile_dataset(dataset: Path) -> dict[str, list[dict[str, Any]]]:
    """The examples of each split, from the sources below a dataset's folder."""
    splits = {split: list(_hand_written(dataset / "source", split)) for split in SPLITS}
    if splits["train"]:
        for domain in read_domains(dataset / "source"):
            splits["train"] += _generated(domain)
    return {split: examples for split, examples in splits.items() if examples}


def write(dataset: Path) -> None:
    """Write the JSONL file of each split."""
    for split, examples in compile_dataset(dataset).items():
        lines = (json.dumps(example, ensure_ascii=False) + "\n" for example in examples)
        (dataset / f"{split}.jsonl").write_text("".join(lines), encoding="utf-8")


def _hand_written(sources: Path, split: str) -> Iterator[dict[str, Any]]:
    for source in sorted(sources.glob(f"{split}.*.txt")):
        domain = source.stem.partition(".")[2]
        for number, (_, schema, text) in enumerate(read_file(read_text(source)), 1):
            yield _example(f"{domain}-{number:03d}", parse(text), schema)


def _generated(domain: Domain) -> Iterator[dict[str, Any]]:
    rng = random.Random(domain.name)
    number = 0
    for shortest, longest, count in GENERATED:
        for _ in range(count):
            number += 1
            marked = _of_length(domain, shortest, longest, rng)
            yield _drawn(f"{domain.name}-g{number:03d}", marked, domain, rng)


def _of_length(domain: Domain, shortest: int, longest: int, rng: random.Random) -> Marked:
    while True:
        text = domain.grammar.expand("S", rng)
        while len(parse(text).text) < shortest:
            text = joined([text, domain.grammar.expand("S", rng)], rng)
        marked = parse(text)
        if len(marked.text) < longest:
            return marked


def _drawn(name: str, marked: Marked, domain: Domain, rng: random.Random) -> dict[str, Any]:
    while True:
        roots = rng.sample(list(domain.schema), rng.randint(2, min(5, len(domain.schema))))
        example = _example(name, marked, {root: domain.schema[root] for root in roots})
        if len(example["gold"]) <= MOST_CHAINS:
            return example


def _example(name: str, marked: Marked, schema: dict[str, Any]) -> dict[str, Any]:
    gold = [_items(marked, chain) for chain in chains(marked, schema) if _is_leaf(chain, schema)]
    return {"id": name, "text": marked.text, "schema": schema, "gold": gold}


def _is_leaf(chain: tuple[Node, ...], schema: Mapping[str, Any]) -> bool:
    below: Any = schema
    for node in chain:
        below = below[node.type]
    return below is None


def _items(marked: Marked, chain: tuple[Node, ...]) -> list[Item]:
    return [
        Item(type=node.type, span=marked.text[node.start : node.end], offset=[node.start, node.end]) for node in chain
    ]


if __name__ == "__main__":
    for name in sys.argv[1:] or ("article", "business"):
        write(resource("datasets") / name)
