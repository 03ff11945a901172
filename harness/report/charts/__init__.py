"""Charts of a run, one file each: ``NAME.py`` with DESCRIPTION, NEEDS and a function ``chart``.

``chart`` takes a :class:`harness.analyse.view.View` and gives a figure, or None where the run has nothing to show.
Another distribution adds a kind by a module of that shape in the entry point ``uiebench.charts``.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import InputError, unknown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from harness.analyse.view import View

GROUP = "uiebench.charts"
FORMATS = ("svg", "png", "pdf")
_DPI = 150


@dataclass(frozen=True)
class Kind:
    """One kind of chart."""

    name: str
    description: str
    needs: str  # what must have been measured, and which suite measures it
    chart: Callable[[View], Figure | None]


def kinds() -> dict[str, Kind]:
    """All kinds by name: ours first, then those of other distributions."""
    ours = {one.name: f"{__name__}.{one.name}" for one in pkgutil.iter_modules(__path__)}
    theirs = {one.name: one.value for one in entry_points(group=GROUP)}
    return {name: _kind(name, module) for name, module in (ours | theirs).items()}


def _kind(name: str, module: str) -> Kind:
    found = import_module(module)
    return Kind(name, found.DESCRIPTION, found.NEEDS, found.chart)


def find_kind(name: str) -> Kind:
    """The kind of that name.

    Raises:
        InputError: there is none; names the near one.
    """
    found = kinds()
    if name not in found:
        raise InputError(unknown("chart", name, found))
    return found[name]


def draw(kind: Kind, run: View) -> Figure | None:
    """One chart, in fonts that this machine has."""
    import matplotlib as mpl

    from harness.report.drawing.fonts import families

    with mpl.rc_context({"font.family": list(families()), "text.parse_math": False}):
        return kind.chart(run)


def save(figure: Figure, path: Path, form: str, name: str) -> None:
    """Write a figure; the same one gives the same bytes.

    Args:
        figure: what to write.
        path: the file.
        form: one of FORMATS.
        name: of the kind, so that ids in the SVG files of a page do not clash.
    """
    import matplotlib as mpl

    from harness.report.drawing.fonts import families

    undated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(form)
    with mpl.rc_context({"svg.hashsalt": name, "svg.fonttype": "none", "font.family": list(families())}):
        figure.savefig(path, format=form, dpi=_DPI, metadata=undated)


def save_all(run: View, directory: Path) -> list[Path]:
    """Draw every chart that has something to show, as PNG and SVG; returns the PNGs."""
    saved = []
    for kind in kinds().values():
        figure = draw(kind, run)
        if figure is not None:
            directory.mkdir(exist_ok=True)
            for suffix in ("png", "svg"):  # laid out for the one whose letters are drawn here
                save(figure, directory / f"{kind.name}.{suffix}", suffix, kind.name)
                figure.set_layout_engine("none")  # finding the places again would take as long as drawing
            saved.append(directory / f"{kind.name}.png")
    return saved
