"""Answers requests level by level through their schemas, and returns chains of spans."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from harness.baseline.decode import THRESHOLD, Span, decode
from harness.baseline.forward import Scorer
from harness.baseline.schema import Schema
from harness.baseline.screening import ScreeningScorer
from harness.baseline.slots import Ask, Document
from harness.baseline.tokenize import TextTokenizer
from harness.baseline.windows import prompt_start, split
from harness.record import TIE, Item, Mark


@dataclass(frozen=True)
class Request:
    """A checked text and schema."""

    text: str
    schema: Schema


@dataclass
class Node:
    """A schema node under one chain of ancestors: what is asked there, and what was found."""

    document: Document
    schema: Schema
    path: tuple[Item, ...] = ()
    found: dict[str, list[tuple[Item, Node | None]]] = field(default_factory=dict)


# Called for every prompt with the node, the type, and its head and tail logits over the text's tokens.
Observe: TypeAlias = Callable[[Node, str, NDArray[np.float32], NDArray[np.float32]], None]


def prompt(path: Sequence[Item], key: str) -> str:
    """The reference's prompt: each ancestor with its span, then the type."""
    return "".join(f"{item['type']}: {item['span']}, " for item in path) + f"{key}: "


def answer(
    requests: Sequence[Request],
    tokenizer: TextTokenizer,
    scorer: Scorer | ScreeningScorer,
    observe: Observe | None,
    not_a_number: Callable[[Node, str], Exception],
) -> list[Node]:
    """Answer requests together, one schema level at a time; returns the root node of each.

    Args:
        requests: checked.
        tokenizer: for their texts and prompts.
        scorer: made for this call.
        observe: called for every prompt; None if nothing observes.
        not_a_number: makes the error for a type whose logits at a node are not finite. Without it, NaN would look as if
            nothing had been found.
    """
    roots = [Node(document(request.text, tokenizer), request.schema) for request in requests]
    level = roots
    while level:
        asks = [[Ask(node.document, tokenizer.prompt(prompt(node.path, key))) for key in node.schema] for node in level]
        scores = scorer.score(asks, answers_only=observe is None)
        for node, node_asks in zip(level, asks, strict=True):
            for key, ask in zip(node.schema, node_asks, strict=True):
                head, tail = both = scores[ask]
                if not np.isfinite(both).all():
                    raise not_a_number(node, key)
                node.found[key] = [_step(node, key, span) for span in decode(head, tail, node.document.tokens.offsets)]
                if observe is not None:
                    observe(node, key, head, tail)
        level = [below for node in level for steps in node.found.values() for _, below in steps if below is not None]
    return roots


def chains(node: Node, *, inner: bool) -> Iterator[list[Item]]:
    """One chain per leaf, depth-first, in key order, then span order; with ``inner``, shorter chains before longer."""
    for steps in node.found.values():
        for item, below in steps:
            if below is None or inner:
                yield [*node.path, item]
            if below is not None:
                yield from chains(below, inner=inner)


def document(text: str, tokenizer: TextTokenizer) -> Document:
    """A text, tokenized and cut into windows."""
    tokens = tokenizer.text(text)
    windows = split(tokens.ids)
    return Document(text, tokens, windows, prompt_start(windows))


def _step(node: Node, key: str, span: Span) -> tuple[Item, Node | None]:
    item = Item(type=key, span=node.document.text[span.start : span.end], offset=[span.start, span.end])
    below = node.schema[key]
    return item, None if below is None else Node(node.document, below, (*node.path, item))


def marks(node: Node, key: str, head: NDArray[np.float32], tail: NDArray[np.float32]) -> Iterator[Mark]:
    """The logits of one prompt that lie within 1e-4 of the threshold."""
    for part, values in (("head", head), ("tail", tail)):
        for token in np.flatnonzero(np.abs(values - THRESHOLD) <= TIE):
            offset = [int(value) for value in node.document.tokens.offsets[token]]
            yield Mark(path=list(node.path), type=key, part=part, offset=offset, logit=float(values[token]))
