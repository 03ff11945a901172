"""Finds optimizations: our folders, installed distributions' entry points, and files named by the user."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any

import optimizations
from harness.errors import SuiteError, unknown
from harness.extensions import collect
from harness.plugin import Optimization

GROUP = "uiebench.optimizations"


class Registry(Mapping[str, Optimization[Any]]):
    """Optimizations by name."""

    def __init__(self, found: Iterable[Optimization[Any]]) -> None:
        self._by_name: dict[str, Optimization[Any]] = {}
        for one in found:
            other = self._by_name.setdefault(one.name, one)
            if other is not one and other.source != one.source:
                raise SuiteError(
                    f"two optimizations are called {one.name!r}: {other.source} and {one.source}; rename one of them"
                )

    def __getitem__(self, name: str) -> Optimization[Any]:
        if name not in self._by_name:
            raise SuiteError(unknown("optimization", name, self._by_name))
        return self._by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)


def find_optimizations(files: Iterable[Path] = ()) -> Registry:
    """Collect every optimization that can be reached; an entry point that is broken is left out with a warning.

    Args:
        files: Python files named by ``--plugin``.

    Raises:
        SuiteError: a plugin file cannot be imported, holds no optimization, or two have the same name.
    """
    modules = [
        importlib.import_module(module.name)
        for module in pkgutil.walk_packages(optimizations.__path__, "optimizations.")
    ]
    ours = Registry(one for module in modules for one in _in_module(module))
    installed = collect(GROUP, "optimization", ours, _strange, lambda _, one: one.name)
    return Registry([*installed.values(), *(one for path in files for one in _in_file(path))])


def _strange(point: EntryPoint) -> Optimization[Any]:
    """Another distribution's.

    Raises:
        SuiteError: it is something else.
    """
    value = point.load()
    if not isinstance(value, Optimization):
        raise SuiteError("it is not an optimization (see harness.plugin)")
    return value


def _in_file(path: Path) -> list[Optimization[Any]]:
    if not path.is_file():
        raise SuiteError(f"plugin file {str(path)!r} does not exist")
    digest = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]
    spec = importlib.util.spec_from_file_location(f"uiebench_plugin_{digest}", path)
    if spec is None or spec.loader is None:
        raise SuiteError(f"plugin file {str(path)!r} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and pickle look a class's module up there
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # whatever a stranger's file raises
        raise SuiteError(f"plugin file {str(path)!r} cannot be imported: {error!r}") from error
    found = _in_module(module)
    if not found:
        raise SuiteError(f"plugin file {str(path)!r} holds no optimization; decorate one with @optimization(...)")
    return found


def _in_module(module: ModuleType) -> list[Optimization[Any]]:
    return [value for value in vars(module).values() if isinstance(value, Optimization)]
