"""Finds peers: other programs for the same work, each one file that the interpreter of its own environment runs."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import EntryPoint
from importlib.util import find_spec
from pathlib import Path

from harness.errors import SuiteError, unknown
from harness.extensions import collect
from harness.record import PEER

GROUP = "uiebench.peers"
FOLDER = Path(__file__).parents[1] / "peers"
NO_PYTHON = (
    "it runs in an environment of its own, and none was named; make one (docs/peers.md says how) and give "
    "--peer-python ENVIRONMENT/bin/python"
)


def find_peers() -> dict[str, Path]:
    """The file of each peer by name: those in our folder, and modules that installed distributions name."""
    ours = {path.stem: path for path in sorted(FOLDER.glob("*.py")) if not path.stem.startswith("_")}
    return collect(GROUP, "peer", ours, _file_of)


def peer_file(combination: str, peers: Mapping[str, Path] | None = None) -> Path:
    """The file of a peer's row, which is written ``peer:NAME``.

    Raises:
        SuiteError: there is no peer of that name.
    """
    known, name = find_peers() if peers is None else peers, combination.removeprefix(PEER)
    if name not in known:
        raise SuiteError(unknown("peer", name, known))
    return known[name]


def _file_of(point: EntryPoint) -> Path:
    """The file of an entry point's module, which is not imported: it is for another interpreter.

    Raises:
        SuiteError: there is no such file.
    """
    spec = find_spec(point.module)
    if spec is None or not spec.has_location or spec.origin is None:
        raise SuiteError(f"{point.module!r} is not a module in a file")
    return Path(spec.origin)
