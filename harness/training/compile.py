"""Marked-up source files to a dataset's JSONL lines (`python -m harness.training.compile SOURCE… TARGET`)."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from harness.record import Item
from harness.training.markup import Marked, Node, chains, parse, read_file


def examples(source: Path) -> Iterator[dict[str, Any]]:
    """The texts of one file, with ids ``DOMAIN-NUMBER`` from the file's name ``SPLIT.DOMAIN.txt``."""
    domain = source.stem.rpartition(".")[2]
    for number, (_, schema, marked_up) in enumerate(read_file(source.read_text(encoding="utf-8")), 1):
        marked = parse(marked_up)
        gold = [_items(marked, chain) for chain in chains(marked, schema) if _is_leaf(chain, schema)]
        yield {"id": f"{domain}-{number:03d}", "text": marked.text, "schema": schema, "gold": gold}


def write(sources: Iterable[Path], target: Path) -> int:
    """Compile the files into one; returns how many texts there are."""
    lines = [json.dumps(example, ensure_ascii=False) for source in sources for example in examples(source)]
    target.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(lines)


def _is_leaf(chain: tuple[Node, ...], schema: dict[str, Any]) -> bool:
    below: Any = schema
    for node in chain:
        below = below[node.type]
    return below is None


def _items(marked: Marked, chain: tuple[Node, ...]) -> list[Item]:
    return [
        Item(type=node.type, span=marked.text[node.start : node.end], offset=[node.start, node.end]) for node in chain
    ]


if __name__ == "__main__":
    *given, destination = map(Path, sys.argv[1:])
    write(given, destination)
