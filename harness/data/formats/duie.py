"""DuIE's lists of subject, predicate and object: chains of a subject's type, then the predicate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from harness.data.formats import lines
from harness.data.formats.document import Document, Problem, item, pairs

NAME = "duie"
DESCRIPTION = 'JSON lines {"text", "spo_list": [{"subject", "subject_type", "predicate", "object", "object_type"}]}'


def recognise(_: Path, sample: str) -> bool:
    """By ``spo_list``."""
    return "spo_list" in lines.first(sample)


def read(path: Path, problem: Problem) -> Iterator[Document]:
    """The format has no offsets: a span is where its words first stand in the text."""
    return lines.documents(path, problem, _document)


def _document(found: dict[str, Any], line: int, problem: Problem) -> Document:
    text, chains = found["text"], []
    for triple in found.get("spo_list", []):
        for object_ in _values(triple["object"]):
            ends = [(triple["subject_type"], triple["subject"]), (triple["predicate"], object_)]
            missing = [words for _, words in ends if not words or words not in text]
            if missing:
                problem(line, f"{missing[0]!r} of the predicate {triple['predicate']!r} does not stand in the text")
                continue
            chain = [item(text, type_, text.find(words), text.find(words) + len(words)) for type_, words in ends]
            if chain not in chains:
                chains.append(chain)
    return Document(lines.named(found, line), text, chains, line)


def _values(object_: Any) -> list[str]:
    """The object's words; in DuIE 2.0 it is an object of its own, whose other values say more of it."""
    return [object_["@value"]] if isinstance(object_, dict) else [object_]


def write(documents: Iterable[Document], path: Path, problem: Problem) -> None:
    """Chains of two links; offsets are not kept, so a span is found again where its words first stand."""
    lines.write((_object(document, problem) for document in documents), path)


def _object(document: Document, problem: Problem) -> dict[str, Any]:
    triples = []
    for subject, object_ in pairs(document, problem):
        if any(document.text.find(link["span"]) != link["offset"][0] for link in (subject, object_)):
            problem(document.line, f"a span of {object_['type']} is not at its first place; its offset is not kept")
        triples.append(
            {
                "subject": subject["span"],
                "subject_type": subject["type"],
                "predicate": object_["type"],
                "object": {"@value": object_["span"]},
                "object_type": {"@value": object_["type"]},
            }
        )
    return {"id": document.id, "text": document.text, "spo_list": triples}
