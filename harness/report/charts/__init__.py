"""Charts of a run, one file each: ``NAME.py`` with DESCRIPTION, NEEDS and a function ``chart``.

``chart`` takes a :class:`harness.analyse.view.View` and returns a figure, or None if the run has nothing to show.
Another distribution can add a kind through the entry point ``uiebench.charts``, with a module of the same shape. If
that module is broken, the other charts are drawn without it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from harness.errors import InputError, UiebenchError, unknown
from harness.extensions import check_shape, collect, left_out, modules

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


class ChartError(UiebenchError):
    """A chart failed although the run is sound."""

    failed = True


def kinds() -> dict[str, Kind]:
    """All usable kinds by name: our own first, then those of other distributions."""
    ours = {name: _kind(name, module) for name, module in modules(__name__).items()}
    return collect(GROUP, "chart", ours, _strange)


def _kind(name: str, module: ModuleType) -> Kind:
    return Kind(name, module.DESCRIPTION, module.NEEDS, module.chart)


def _strange(point: EntryPoint) -> Kind:
    """A kind from another distribution.

    Raises:
        InputError: its name or its module does not have the required shape.
    """
    if not re.fullmatch(r"[\w-]+", point.name):
        raise InputError(f"the name of a chart may contain letters, digits, _ and -; this one is {point.name!r}")
    module = point.load()
    check_shape(module, ("DESCRIPTION", "NEEDS"), ("chart",))
    return _kind(point.name, module)


def find_kind(name: str) -> Kind:
    """The kind of that name.

    Raises:
        InputError: there is no such kind; the message suggests similar names.
    """
    found = kinds()
    if name not in found:
        raise InputError(unknown("chart", name, found))
    return found[name]


def draw(kind: Kind, run: View) -> Figure | None:
    """One chart, in fonts that this machine has.

    Raises:
        ChartError: its function raises an error, or returns something other than a figure.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    from harness.report.drawing.fonts import families

    with mpl.rc_context({"font.family": list(families()), "text.parse_math": False}):
        try:
            figure = kind.chart(run)
        except (Exception, SystemExit) as error:  # another distribution's may raise anything
            raise ChartError(f"the chart {kind.name!r} cannot be drawn: {error!r}") from error
    if not (figure is None or isinstance(figure, Figure)):
        raise ChartError(f"the chart {kind.name!r} returned {type(figure).__name__}, not a matplotlib figure")
    return figure


def save(figure: Figure, path: Path, form: str, name: str) -> None:
    """Write a figure. The same figure always gives the same bytes.

    Args:
        figure: the figure.
        path: the file.
        form: one of FORMATS.
        name: of the kind, so that ids do not clash if one page contains several SVG files.
    """
    import matplotlib as mpl

    from harness.report.drawing.fonts import families

    undated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(form)
    with mpl.rc_context({"svg.hashsalt": name, "svg.fonttype": "none", "font.family": list(families())}):
        figure.savefig(path, format=form, dpi=_DPI, metadata=undated)


def save_all(run: View, directory: Path) -> list[Path]:
    """Draw every chart for which the run has data, as PNG and SVG, and return the PNGs.

    A chart that fails is left out with a warning, because the report is useful without it.
    """
    return [path for kind in kinds().values() if (path := _saved(kind, run, directory)) is not None]


def _saved(kind: Kind, run: View, directory: Path) -> Path | None:
    files = [directory / f"{kind.name}.{suffix}" for suffix in ("png", "svg")]  # laid out for the first one's letters
    try:
        figure = draw(kind, run)
        if figure is None:
            return None
        directory.mkdir(exist_ok=True)
        for file in files:
            save(figure, file, file.suffix.removeprefix("."), kind.name)
            figure.set_layout_engine("none")  # finding the places again would take as long as drawing
    except OSError:
        raise
    except Exception as error:
        for file in files:
            file.unlink(missing_ok=True)
        left_out("charts", kind.name, error)
        return None
    return files[0]
