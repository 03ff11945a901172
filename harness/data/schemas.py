"""A schema from labels."""

from __future__ import annotations

from typing import Any

from harness.errors import InputError
from harness.record import Chains


def schema_of(chains: Chains, into: dict[str, Any] | None = None) -> dict[str, Any]:
    """The smallest schema that contains these chains, with types in order of first occurrence.

    Args:
        chains: from root types down to leaves.
        into: a schema to extend in place; None to make a new one.
    """
    schema: dict[str, Any] = {} if into is None else into
    for chain in chains:
        below = schema
        for place, link in enumerate(chain):
            inner = place < len(chain) - 1
            if below.get(link["type"]) is None:
                below[link["type"]] = {} if inner else None
            if inner:
                below = below[link["type"]]
    return schema


def unused(name: str) -> InputError:
    """The error for a schema that is given for texts with their own."""
    return InputError(
        f"the texts of {name} carry a schema each, and the one that is given would not be used; leave it out"
    )
