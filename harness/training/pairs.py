"""Marked texts to the rows a model learns from: token ids, prompts, and which tokens begin and end a span."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.baseline.flow import prompt
from harness.baseline.tokenize import TextTokenizer
from harness.baseline.windows import Window, prompt_start, split
from harness.record import Item
from harness.training.markup import Marked, Node, chains

PROMPTS = 5  # of a text, drawn from all that its domain's schema asks
ABSENT = 1  # at least so many of them ask for what is not there
NESTED = 3  # of them, at most, are drawn from the nested ones first: these are learned last
# Of the texts whose schema nests, this share is asked a prompt that names what is no parent. Else a model finds
# something for every wrong parent of its own, and each of these is a wrong chain.
MISLED = 0.45
_PIECE = (2, 6)  # characters of a piece of text that is taken for a parent


@dataclass(frozen=True)
class Row:
    """One window of a text, with the prompts asked of it and the spans each should find (in window tokens)."""

    ids: tuple[int, ...]
    start: int  # the first position id of its prompts
    prompts: tuple[tuple[int, ...], ...]
    spans: tuple[tuple[tuple[int, int], ...], ...]
    tags: Mapping[str, tuple[tuple[int, int], ...]]  # each type of the domain, with all its spans, whoever the parent


@dataclass(frozen=True)
class Batch:
    """Rows as tensors; P pairs of a text and a prompt."""

    text: Tensor  # (texts, T) token ids
    prompt: Tensor  # (P, Q) token ids
    start: Tensor  # (P)
    of_text: Tensor  # (P) which text each prompt is asked of
    target: Tensor  # bool (P, 2, T): the head and the tail of each span
    tags: Tensor  # bool (texts, types, 2, T): likewise for every type, without a prompt
    tagged: Tensor  # bool (texts, types): which types are of the text's domain


def asks(marked: Marked, schema: Mapping[str, Any]) -> dict[str, set[tuple[int, int]]]:
    """Every prompt that the schema leads to in this text, with the spans it should find (code points)."""
    found: dict[str, set[tuple[int, int]]] = {prompt((), key): set() for key in schema}
    for chain in chains(marked, dict(schema)):
        path = [_item(marked, node) for node in chain]
        found[prompt(path[:-1], chain[-1].type)].add((chain[-1].start, chain[-1].end))
        for key in _below(schema, chain):
            found.setdefault(prompt(path, key), set())
    return found


def row(marked: Marked, schema: Mapping[str, Any], tokenizer: TextTokenizer, rng: random.Random) -> Row:
    """A random window of the text, with some of the prompts that the schema leads to."""
    tokens = tokenizer.text(marked.text)
    windows = split(tokens.ids)
    window = rng.choice(windows)
    every = asks(marked, schema)
    present = [asked for asked, spans in every.items() if spans]
    absent = [asked for asked, spans in every.items() if not spans]
    nested = [asked for asked in present if "," in asked]
    chosen = rng.sample(nested, min(len(nested), NESTED))
    present = [asked for asked in present if asked not in chosen]
    chosen += rng.sample(present, min(len(present), PROMPTS - ABSENT - len(chosen)))
    chosen += rng.sample(absent, min(len(absent), PROMPTS - len(chosen)))
    if (wrong := misleading(marked, schema, rng)) is not None and rng.random() < MISLED:
        every[wrong] = set()
        chosen = [*chosen[: PROMPTS - 1], wrong]
    spans = {
        kind: sorted({(node.start, node.end) for node in marked.nodes if node.type == kind}) for kind in types(schema)
    }
    return Row(
        window.ids,
        prompt_start(windows),
        tuple(tokenizer.prompt(asked) for asked in chosen),
        tuple(_in_window(every[asked], tokens.offsets, window) for asked in chosen),
        {kind: _in_window(found, tokens.offsets, window) for kind, found in spans.items()},
    )


def misleading(marked: Marked, schema: Mapping[str, Any], rng: random.Random) -> str | None:
    """A nested prompt whose parent is a span of another type, or any piece of the text: there is nothing to be found.

    Returns:
        The prompt; None where the schema does not nest, or the piece is a parent after all.
    """
    nested = [(parent, key) for parent, below in schema.items() for key in below or {}]
    if not nested:
        return None
    parent, key = rng.choice(nested)
    length = rng.randint(*_PIECE)
    start = rng.randint(0, max(0, len(marked.text) - length))
    others = [(node.start, node.end) for node in marked.nodes if node.type != parent]
    begin, end = rng.choice([*others, *[(start, start + length)] * max(1, len(others))])
    named = marked.text[begin:end]
    if any(node.type == parent and marked.text[node.start : node.end] == named for node in marked.nodes):
        return None
    return prompt((Item(type=parent, span=named, offset=[begin, end]),), key)


def types(schema: Mapping[str, Any]) -> set[str]:
    """The names of all types of a schema, at any level."""
    return {name for key, below in schema.items() for name in (key, *types(below or {}))}


def collate(rows: Sequence[Row], names: Sequence[str]) -> Batch:
    """Pad rows into tensors; ``names`` orders the types."""
    places = [(i, j) for i, one in enumerate(rows) for j in range(len(one.prompts))]
    text = _pad([one.ids for one in rows])
    target = np.zeros((len(places), 2, text.shape[1]), dtype=np.bool_)
    for pair, (i, j) in enumerate(places):
        _mark(target[pair], rows[i].spans[j])
    tags = np.zeros((len(rows), len(names), 2, text.shape[1]), dtype=np.bool_)
    for i, one in enumerate(rows):
        for kind, spans in one.tags.items():
            _mark(tags[i, names.index(kind)], spans)
    return Batch(
        text,
        _pad([rows[i].prompts[j] for i, j in places]),
        torch.tensor([rows[i].start for i, _ in places]),
        torch.tensor([i for i, _ in places]),
        torch.from_numpy(target),
        torch.from_numpy(tags),
        torch.tensor([[name in one.tags for name in names] for one in rows]),
    )


def _mark(target: NDArray[np.bool_], spans: Sequence[tuple[int, int]]) -> None:
    for span in spans:
        for part, token in enumerate(span):
            target[part, token] = True


def _below(schema: Mapping[str, Any], chain: Sequence[Node]) -> Mapping[str, Any]:
    below: Mapping[str, Any] | None = schema
    for node in chain:
        below = below[node.type] if below else None
    return below or {}


def _item(marked: Marked, node: Node) -> Item:
    return Item(type=node.type, span=marked.text[node.start : node.end], offset=[node.start, node.end])


def _in_window(
    spans: Iterable[tuple[int, int]], offsets: NDArray[np.int64], window: Window
) -> tuple[tuple[int, int], ...]:
    """The spans that lie in the window, as the tokens that hold their first and last characters."""
    tokens = [
        tuple(int(np.flatnonzero((offsets[:, 0] <= at) & (at < offsets[:, 1]))[0]) - window.start for at in ends)
        for ends in ((start, end - 1) for start, end in sorted(spans))
    ]
    return tuple((first, last) for first, last in tokens if first >= 0 and last < len(window.ids))


def _pad(rows: Sequence[Sequence[int]]) -> Tensor:
    ids = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long)
    for i, one in enumerate(rows):
        ids[i, : len(one)] = torch.tensor(one)
    return ids
