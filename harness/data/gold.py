"""The gold for a schema, as far as a file's labels determine it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.baseline.schema import Schema
from harness.data.formats.document import Document, Problem
from harness.data.formats.told import Tally
from harness.record import Chains, Item

_FAULTY = "a label of the text is faulty and left out, so its gold is not known, and F1 leaves the text out"


def gold_of(
    document: Document, asked: Schema, labelled: Mapping[str, Any], tally: Tally, problem: Problem
) -> Chains | None:
    """The chains that answers are scored against; None if they are not known, which differs from an empty list.

    Args:
        document: a text with its chains.
        asked: the schema of the request.
        labelled: the smallest schema that contains all labels of the file.
        tally: counts labels that are left out, and texts with faulty labels, whose gold is not known.
        problem: called with chains that are deeper or less deep than the schema.
    """
    if document.chains is None:
        return None
    if not document.complete:
        tally.add(document.line, _FAULTY)
        return None
    kept: Chains = []
    known = True
    for chain in document.chains:
        path = " > ".join(link["type"] for link in chain)
        depth, below = _follow(chain, asked)
        if depth == len(chain) and below is None:
            kept.append(chain)
        elif depth < len(chain) and below is not None:
            tally.add(document.line, f"the schema does not ask for {path}, so these labels are left out")
        elif depth < len(chain):
            known = False
            problem(document.line, f"the chain {path} goes on where the schema ends, so the gold is not known")
        elif _follow(chain, labelled)[1] is not None:
            tally.add(
                document.line,
                f"{path} stands alone here, and elsewhere in the file it has types below it: no chain of the schema "
                "ends at it, and it is left out",
            )
        else:
            known = False
            problem(
                document.line,
                f"the chain {path} ends at a type that has {', '.join(below or ())} below it, for which the file has "
                "no labels; the gold is not known",
            )
    return kept if known else None


def never_labelled(asked: Schema, labelled: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """The types (with their parents) that a schema asks for and for which a file has no labels."""
    for type_, below in asked.items():
        if type_ not in labelled:
            yield above + type_
        elif below is not None:
            yield from never_labelled(below, labelled[type_] or {}, f"{above}{type_} > ")


def _follow(chain: list[Item], schema: Mapping[str, Any]) -> tuple[int, Mapping[str, Any] | None]:
    """The number of a chain's links that a schema has, and the schema below the last of them."""
    below: Mapping[str, Any] | None = schema
    for depth, link in enumerate(chain):
        if below is None or link["type"] not in below:
            return depth, below
        below = below[link["type"]]
    return len(chain), below
