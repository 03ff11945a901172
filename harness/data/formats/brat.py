"""brat's standoff: a text file, and its annotations beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from harness.data.formats.document import Document, Label, Problem, labelled, single_spans
from harness.errors import InputError

NAME = "brat"
DESCRIPTION = "a folder of .txt files with .ann files of the same names, or one such .txt; text-bound annotations (T)"
_TEXT_BOUND = re.compile(r"T\S*\t(?P<type>\S+) (?P<places>[\d ;]+)\t(?P<span>[^\n]*)")


def recognise(path: Path, _: str) -> bool:
    """By an ``.ann`` file beside the text."""
    return any(path.glob("*.ann")) if path.is_dir() else path.with_suffix(".ann").is_file()


def read(path: Path, problem: Problem) -> Iterator[Document]:
    """A file a document; discontinuous spans, relations and events are told and left out. Lines are those of .ann."""
    for file in sorted(path.glob("*.txt")) if path.is_dir() else [path.with_suffix(".txt")]:
        text = file.read_bytes().decode("utf-8", errors="replace")
        annotations = file.with_suffix(".ann")
        lines = annotations.read_bytes().decode("utf-8", errors="replace").split("\n") if annotations.is_file() else []
        yield labelled(file.stem, text, _labels(lines, text, file.stem, problem), 1, problem)


def _labels(lines: Iterable[str], text: str, name: str, problem: Problem) -> Iterator[Label]:
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        found = _TEXT_BOUND.fullmatch(line)
        if found is None or ";" in found["places"]:
            problem(number, f"{name}.ann: {line.split(chr(9))[0]} is no continuous span; it is left out")
            continue
        start, end = (int(place) for place in found["places"].split())
        if _in_a_line(text[start:end]) != found["span"].rstrip("\r"):
            problem(number, f"{name}.ann: {found['span']!r} does not stand at {start} to {end} in the text")
            continue
        yield Label(start, end, found["type"])


def write(documents: Iterable[Document], path: Path, problem: Problem) -> None:
    """A folder; single spans, overlapping ones too. A type with a space cannot be held.

    Raises:
        InputError: the path is a file, or two documents would have one name.
    """
    if path.is_file():
        raise InputError(f"{path} is a file; brat's format is a folder")
    path.mkdir(parents=True, exist_ok=True)
    seen: set[str] = set()
    for document in documents:
        name = re.sub(r"[^\w.-]", "_", document.id)
        if name in seen:
            raise InputError(f"two documents would be written to {name}.txt; give them ids that differ")
        seen.add(name)
        (path / f"{name}.txt").write_bytes(document.text.encode())
        rows: list[str] = []
        for label in single_spans(document, problem):
            if re.search(r"\s", label.type):
                problem(document.line, f"the type {label.type!r} has a space, which an annotation cannot hold")
                continue
            span = _in_a_line(document.text[label.start : label.end])
            rows.append(f"T{len(rows) + 1}\t{label.type} {label.start} {label.end}\t{span}\n")
        (path / f"{name}.ann").write_bytes("".join(rows).encode())


def _in_a_line(span: str) -> str:
    """Brat writes a span's line breaks as spaces."""
    return re.sub(r"[\n\r]", " ", span)
