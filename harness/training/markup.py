"""The inline markup the dataset texts are written in, compiled to spans with offsets.

A span is written ``{{span|label}}``; spans may nest. A label is ``TYPE``, then optionally ``#key`` (a name that
children refer to) and ``<key`` (the parent span this one belongs to). Several labels are separated by ``;``::

    {{信号|属性词#1}}{{强|情感词<1}}，{{拍照|属性词#2}}和{{录像|属性词#3}}都很{{稳|情感词<2;情感词<3}}

A file holds many texts: a line ``### SCHEMA-AS-JSON`` opens each, the lines up to the next one are the text.

A child belongs to its parent's *text*: every span of the same type and text under the same ancestors gets it, because
an extractor of this family puts only the parent's text into the prompt.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from harness.textfile import split_lines

_TOKEN = re.compile(r"\{\{|\}\}")
_LABEL = re.compile(r"(?P<type>[^#<;{}|]+)(?:#(?P<key>\w+))?(?:<(?P<parent>\w+))?$")


@dataclass(frozen=True)
class Node:
    """One labelled span: its type, code-point offsets, own key and its parent's key."""

    type: str
    start: int
    end: int
    key: str | None = None
    parent: str | None = None


@dataclass(frozen=True)
class Marked:
    """A text with its labelled spans, in the order in which they end."""

    text: str
    nodes: tuple[Node, ...]


class MarkupError(ValueError):
    """The markup cannot be read; the message says where and why."""


def parse(source: str) -> Marked:
    """Compile one marked-up text."""
    out: list[str] = []
    length = 0
    starts: list[int] = []
    nodes: list[Node] = []
    label_of: list[str] = []

    def emit(piece: str) -> None:
        nonlocal length
        out.append(piece)
        length += len(piece)

    position = 0
    pieces = [*_TOKEN.finditer(source), None]
    for match in pieces:
        chunk = source[position : match.start() if match else len(source)]
        if match is not None and match.group() == "}}":
            body, bar, label = chunk.rpartition("|")
            if not starts or not bar:
                raise MarkupError(f"'}}}}' without '{{{{' or '|' near {source[max(0, position - 20) : match.end()]!r}")
            emit(body)
            label_of.append(label)
            start = starts.pop()
            if start == length:
                raise MarkupError(f"empty span labelled {label!r}")
            nodes.extend(_nodes(label, start, length))
        else:
            emit(chunk)
            if match is not None:
                starts.append(length)
        if match is not None:
            position = match.end()
    if starts:
        raise MarkupError(f"'{{{{' never closed, opened before {''.join(out)[starts[-1] :][:20]!r}")
    _check_links(nodes)
    return Marked("".join(out), tuple(nodes))


def _nodes(label: str, start: int, end: int) -> Iterator[Node]:
    for one in label.split(";"):
        match = _LABEL.fullmatch(one.strip())
        if match is None:
            raise MarkupError(f"label {one!r} is not TYPE, TYPE#key, TYPE<parent or TYPE#key<parent")
        yield Node(match["type"].strip(), start, end, match["key"], match["parent"])


def _check_links(nodes: list[Node]) -> None:
    keys = {node.key for node in nodes if node.key}
    for node in nodes:
        if node.parent is not None and node.parent not in keys:
            raise MarkupError(f"{node.type!r} refers to the parent {node.parent!r}, which no span has as its #key")


def chains(marked: Marked, schema: dict[str, Any], prefix: tuple[Node, ...] = ()) -> Iterator[tuple[Node, ...]]:
    """Every chain of spans that follows the schema from its root, inner chains included, in document order."""
    parents = _same_text_keys(marked, prefix)
    for type_, below in schema.items():
        for node in sorted(marked.nodes, key=lambda n: (n.start, n.end)):
            if node.type != type_ or (node.parent is None) != (not prefix) or (prefix and node.parent not in parents):
                continue
            chain = (*prefix, node)
            yield chain
            yield from chains(marked, below or {}, chain)


def _same_text_keys(marked: Marked, prefix: tuple[Node, ...]) -> set[str]:
    """Keys of all spans that stand for the same parent: same type and text, and ancestors likewise."""
    if not prefix:
        return set()
    last = prefix[-1]
    above = _same_text_keys(marked, prefix[:-1])
    text = marked.text[last.start : last.end]
    return {
        node.key
        for node in marked.nodes
        if node.key is not None
        and node.type == last.type
        and marked.text[node.start : node.end] == text
        and ((node.parent is None) == (len(prefix) == 1))
        and (len(prefix) == 1 or node.parent in above)
    }


def read_file(source: str) -> Iterator[tuple[int, dict[str, Any], str]]:
    """Split a markup file into (line number, schema, marked-up text)."""
    line_number = 0
    schema: dict[str, Any] | None = None
    lines: list[str] = []
    for number, line in enumerate(split_lines(source), 1):
        if line.startswith("### "):
            if schema is not None:
                yield line_number, schema, "\n".join(lines).strip("\n")
            try:
                line_number, schema, lines = number, json.loads(line[4:]), []
            except ValueError as error:
                raise MarkupError(f"line {number}: the schema is not JSON: {error}") from None
        elif schema is not None:
            lines.append(line)
        elif line.strip() and not line.startswith("#"):
            raise MarkupError(f"line {number}: text before the first '### SCHEMA' line")
    if schema is not None:
        yield line_number, schema, "\n".join(lines).strip("\n")
