"""brat's standoff: a text file, and its annotations beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from harness.data.formats.annotated import Annotated, documents
from harness.data.formats.brat_lines import read_line
from harness.data.formats.document import Document, Problem
from harness.data.formats.relations import relations_of
from harness.errors import InputError
from harness.textfile import read_text, split_lines

NAME = "brat"
DESCRIPTION = (
    "a folder of .txt files with .ann files of the same names, or one such .txt; text-bound annotations (T), relations "
    "(R), and events (E) whose arguments are text-bound"
)
_MARK = "\ufeff".encode()
_NAME = 50  # characters of a file's name, which may be 255 bytes long


def recognise(path: Path, _: str) -> bool:
    """By an ``.ann`` file beside the text, or in the folder or one below it."""
    return any(path.rglob("*.ann")) if path.is_dir() else path.with_suffix(".ann").is_file()


def read(path: Path, problem: Problem) -> Iterator[Document]:
    """One document per file. A text without an ``.ann`` file is unlabelled; with an empty one it has no labels.

    Line numbers in problems are those of the ``.ann`` file.
    """
    return documents(lambda tell: _texts(path, tell), problem)


def _texts(path: Path, problem: Problem) -> Iterator[Annotated]:
    root, stems = path.parent, {path.with_suffix("")}
    if path.is_dir():
        root, stems = path, {file.with_suffix("") for kind in ("*.txt", "*.ann") for file in path.rglob(kind)}
    for stem in sorted(stems):
        name = stem.relative_to(root).as_posix()
        text, annotations = (stem.with_name(stem.name + suffix) for suffix in (".txt", ".ann"))
        try:
            one = Annotated(name, read_text(text), 1, marked=text.read_bytes().startswith(_MARK))
        except (InputError, OSError) as error:
            problem(1, f"{name}.txt cannot be read: {error}")
            continue
        if annotations.exists():
            _annotate(one, annotations, problem)
        else:
            one.unlabelled = f"the text has no .ann file, so its gold is not known: {name}.txt"
        yield one


def _annotate(one: Annotated, path: Path, problem: Problem) -> None:
    try:
        rows = split_lines(read_text(path))
    except (InputError, OSError) as error:
        one.fault(f"{one.id}.ann cannot be read: {error}", problem)
        return
    seen: set[str] = set()
    for number, row in ((number, row) for number, row in enumerate(rows, 1) if row.strip()):
        name = row.split("\t")[0]
        said = f"has the name {name!r} twice" if name in seen and name != "*" else read_line(one, row)
        seen.add(name)
        if said:
            one.complete = False
            problem(number, f"{one.id}.ann {said}")


def write(documents: Iterable[Document], path: Path, problem: Problem) -> None:
    """Writes a folder: single spans, which may overlap, and pairs. A type with a space cannot be written.

    Raises:
        InputError: the path is a file, or two documents would have one name.
    """
    if path.is_file():
        raise InputError(f"{path} is a file; brat's format is a folder")
    path.mkdir(parents=True, exist_ok=True)
    seen: set[str] = set()
    for document in documents:
        name = re.sub(r"[^\w.-]", "_", document.id)
        if len(name) > _NAME:
            name = f"{name[:_NAME]}-{document.line}"
            problem(
                document.line, f"the id {document.id[:_NAME]!r}… is too long for a file's name; it is {name!r} there"
            )
        if name in seen:
            raise InputError(f"two documents would be written to {name}.txt; give them ids that differ")
        seen.add(name)
        # A reader takes a leading byte order mark for the file's own.
        mark = _MARK if document.text.startswith("\ufeff") else b""
        (path / f"{name}.txt").write_bytes(mark + document.text.encode())
        if document.chains is None:
            (path / f"{name}.ann").unlink(missing_ok=True)
        else:
            (path / f"{name}.ann").write_bytes("".join(_rows(document, problem)).encode())


def _rows(document: Document, problem: Problem) -> Iterator[str]:
    labels, relations = relations_of(document, problem)
    held = {place for place, label in enumerate(labels) if _has_no_space(label.type, document, problem)}
    for place in sorted(held):
        label = labels[place]
        span = re.sub(r"[\n\r]", " ", document.text[label.start : label.end])
        yield f"T{place + 1}\t{label.type} {label.start} {label.end}\t{span}\n"
    for number, (subject, object_, type_) in enumerate(relations, 1):
        if _has_no_space(type_, document, problem) and {subject, object_} <= held:
            yield f"R{number}\t{type_} Arg1:T{subject + 1} Arg2:T{object_ + 1}\n"


def _has_no_space(type_: str, document: Document, problem: Problem) -> bool:
    if found := re.search(r"\s", type_):
        problem(document.line, f"the type {type_!r} has a space ({found[0]!r}), which an annotation cannot hold")
    return found is None
