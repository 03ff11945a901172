"""The map of the rooms, in the docstring of `harness`, is the one that the folders and the import contracts draw."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import harness

ROOT = Path(harness.__file__).parent
MAP = re.findall(r"^    ([\w.]+/?) +(\S.*)$", harness.__doc__ or "", re.MULTILINE)


def test_the_map_names_every_package_and_every_module_once() -> None:
    packages = {f"{path.parent.name}/" for path in ROOT.glob("*/__init__.py")}
    modules = {path.name for path in ROOT.glob("*.py")} - {"__init__.py"}
    names = [name for name, _ in MAP]
    assert len(names) == len(set(names))
    assert set(names) == packages | modules


def test_the_map_has_the_order_of_the_layers_that_imports_go_down() -> None:
    project = tomllib.loads((ROOT.parent / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = (one for one in project["tool"]["importlinter"]["contracts"] if one["type"] == "layers")
    layers = [{name.strip() for name in layer.split("|")} for layer in contract["layers"]]
    rooms = [f"harness.{re.sub(r'/$|[.]py$', '', name)}" for name, _ in MAP if name != "__main__.py"]
    places = [next(place for place, layer in enumerate(layers) if room in layer) for room in rooms]
    assert places == sorted(places)
