"""Where data files lie: inside the installed package, or beside it in a checkout."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent
_PLACES = {
    "datasets": ("_datasets", "datasets"),
    "mini": ("embedded/mini", "harness/embedded/mini"),
}


def resource(name: str) -> Path:
    """The folder of that name: ``datasets`` or ``mini`` (the embedded checkpoint)."""
    packaged, in_checkout = _PLACES[name]
    inside = _PACKAGE / packaged
    return inside if inside.is_dir() else _PACKAGE.parent / in_checkout
