"""Designs, one file each: which combinations of a suite's optimizations are measured.

``NAME.py`` has DESCRIPTION and a function ``subsets(wanted)``. It is given the suite's ``[combinations]`` and returns
each combination as the places of its optimizations in ``wanted.optimizations``. A design that doubles with each
optimization also has ``free(wanted)``, which says how many it switches freely, so that too many are refused first.

Another distribution adds a design by a module of that shape in the entry point ``uiebench.designs``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import TYPE_CHECKING

from harness.errors import SuiteError, unknown
from harness.extensions import check_shape, collect, modules

if TYPE_CHECKING:
    from harness.plan.suite import Combinations

GROUP = "uiebench.designs"
MOST = 4096  # combinations of a design: twelve optimizations, all ways


@dataclass(frozen=True)
class Design:
    """One design."""

    name: str
    description: str
    subsets: Callable[[Combinations], Iterable[Sequence[int]]]
    free: Callable[[Combinations], int] = lambda _: 0


def designs() -> dict[str, Design]:
    """All designs by name: ours first, then those of other distributions that can be used."""
    return collect(GROUP, "design", _ours(), _strange)


def find_design(name: str) -> Design:
    """The design of that name.

    Raises:
        SuiteError: there is none; names the near one.
    """
    ours = _ours()
    known = ours if name in ours else designs()
    if name not in known:
        raise SuiteError(unknown("design", name, known))
    return known[name]


def subsets(design: Design, wanted: Combinations) -> list[tuple[int, ...]]:
    """The combinations of a design, each as the places of its optimizations.

    Raises:
        SuiteError: they are too many, or the design cannot give them.
    """
    try:
        if 2 ** (count := design.free(wanted)) > MOST:
            raise SuiteError(
                f"[combinations] design = {design.name!r} with {count} optimizations that are switched freely has "
                f"more than {MOST} combinations; take fewer, or a smaller fraction"
            )
        found = [tuple(subset) for subset in design.subsets(wanted)]
    except SuiteError:
        raise
    except (Exception, SystemExit) as error:  # another distribution's may raise anything
        raise SuiteError(f"the design {design.name!r} gives no combinations: {error!r}") from error
    places = range(len(wanted.optimizations))
    if wrong := [one for one in found if not all(place in places for place in one)]:
        raise SuiteError(f"the design {design.name!r} gives {wrong[0]}, and there are {len(places)} optimizations")
    return found


def _ours() -> dict[str, Design]:
    return {name: _design(name, module) for name, module in modules(__name__).items()}


def _design(name: str, module: ModuleType) -> Design:
    free = {"free": module.free} if hasattr(module, "free") else {}
    return Design(name, module.DESCRIPTION, module.subsets, **free)


def _strange(point: EntryPoint) -> Design:
    """Another distribution's.

    Raises:
        InputError: it does not have the shape of one.
    """
    module = point.load()
    check_shape(module, ("DESCRIPTION",), ("subsets", *(["free"] if hasattr(module, "free") else [])))
    return _design(point.name, module)
