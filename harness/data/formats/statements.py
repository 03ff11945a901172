"""JSON lines with a list of statements about the text, each of which becomes chains."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import msgspec

from harness.data.formats import lines
from harness.data.formats.document import Document, Problem
from harness.data.formats.told import Tally
from harness.record import Chains, Item

_Statement = TypeVar("_Statement", bound=msgspec.Struct)
# The chains of a statement about a text on a line; None for one that is not in the text.
ChainsOf: TypeAlias = Callable[[str, _Statement, int, Problem], Iterator[list[Item] | None]]


def documents(
    path: Path, problem: Problem, key: str, kind: type[_Statement], what: str, chains_of: ChainsOf[_Statement]
) -> Iterator[Document]:
    """Stream a file's documents; the gold of a line without the list is not known.

    Args:
        path: the file.
        problem: called with each fault, and at the end with remarks.
        key: the list's key.
        kind: the type of its entries.
        what: a name for an entry, for messages.
        chains_of: makes an entry's chains.
    """
    tally = Tally()

    def document(found: dict[str, Any], line: int, tell: Problem) -> Document:
        text, id_ = found["text"], lines.named(found, line)
        if found.get(key) is None:
            tally.add(line, f"the text has no {key!r}, so its gold is not known")
            return Document(id_, text, None, line)
        chains: Chains = []
        complete = True
        for given in found[key]:
            try:
                statement = msgspec.convert(given, kind)
            except msgspec.ValidationError as error:
                tell(line, f"{what} is not as this format has it: {error}; it is left out")
                complete = False
                continue
            for chain in chains_of(text, statement, line, tell):
                complete &= chain is not None
                if chain is not None and chain not in chains:
                    chains.append(chain)
        return Document(id_, text, chains, line, complete=complete)

    yield from lines.documents(path, problem, document)
    tally.tell(problem)
