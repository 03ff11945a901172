"""Formats for other programs, one file each: ``NAME.py`` with DESCRIPTION and at least one of three functions.

``of_run(run)`` writes every combination of a run, and itself says which figures count. ``of_sound(run)`` is given only
the combinations whose figures count, for services that show a number as it is; a gate writes it too. ``of_gate(gate)``
writes the findings of a gate. Each returns the text of a file. A name has ``-`` where its file has ``_``.

Another distribution adds a format by a module of that shape in the entry point ``uiebench.report_formats``; where it
is broken, everything else is written without it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import TypeVar

from harness.analyse.gate import Finding
from harness.analyse.rows import Row
from harness.errors import InputError, UiebenchError, unknown
from harness.extensions import check_shape, collect, modules
from harness.record import Header, Record
from harness.report.one_line import one_line
from harness.report.table import why_struck

GROUP = "uiebench.report_formats"
_FUNCTIONS = ("of_run", "of_sound", "of_gate")
_Shown = TypeVar("_Shown")


@dataclass(frozen=True)
class Run:
    """A run, and what its records come to."""

    header: Header
    records: Sequence[Record]
    rows: Sequence[Row]  # one a combination, in the plan's order
    made: datetime  # when the file is written, with its time zone

    @property
    def sound(self) -> Run:
        """The combinations whose figures count, alone."""
        rows = [row for row in self.rows if row.sound]
        names = {row.combination for row in rows}
        return replace(self, rows=rows, records=[one for one in self.records if one.cell.combination in names])


@dataclass(frozen=True)
class Gate:
    """What a gate found."""

    findings: Sequence[Finding]
    against: str  # what it compared with
    made: datetime  # when the file is written, with its time zone


@dataclass(frozen=True)
class Format:
    """One format, with what it is made from; a function that it has not got is None."""

    name: str
    description: str
    of_run: Callable[[Run], str] | None = None
    of_sound: Callable[[Run], str] | None = None
    of_gate: Callable[[Gate], str] | None = None

    @property
    def for_reports(self) -> bool:
        """Whether it writes runs."""
        return bool(self.of_run or self.of_sound)

    @property
    def for_gates(self) -> bool:
        """Whether a gate writes it."""
        return bool(self.of_gate or self.of_sound)

    @property
    def leaves_out(self) -> bool:
        """Whether a report in it has only the combinations whose figures count."""
        return self.of_run is None

    def report(self, run: Run) -> str:
        """The text of a file about a run."""
        if self.of_run is not None:
            return self.of_run(run)
        assert self.of_sound is not None, f"{self.name} is not for reports"
        return self.of_sound(run.sound)


class FormatError(UiebenchError):
    """A format broke on a sound run."""

    failed = True


def formats() -> dict[str, Format]:
    """All formats by name: ours first, then those of other distributions that can be used."""
    ours = {name.replace("_", "-"): module for name, module in modules(__name__).items()}
    return collect(GROUP, "format", {name: _format(name, module) for name, module in ours.items()}, _strange)


def find_format(name: str, fits: Callable[[Format], bool]) -> Format:
    """The format of that name, of those that fit.

    Raises:
        InputError: there is none; names the near one.
    """
    found = {one.name: one for one in formats().values() if fits(one)}
    if name not in found:
        raise InputError(unknown("format", name, found))
    return found[name]


def not_counted(rows: Sequence[Row]) -> Iterator[str]:
    """The combinations whose speed does not count, each with the reason."""
    for row in rows:
        if not row.sound:
            yield f"{row.combination}: {one_line(row.problem or why_struck(row))}"


def _format(name: str, module: ModuleType) -> Format:
    return Format(name, module.DESCRIPTION, *(getattr(module, function, None) for function in _FUNCTIONS))


def _strange(point: EntryPoint) -> Format:
    """Another distribution's.

    Raises:
        InputError: it does not have the shape of one.
    """
    if not re.fullmatch(r"[\w-]+", point.name):
        raise InputError(f"a format's name consists of letters, digits, _ and -, and is not {point.name!r}")
    module = point.load()
    has = [function for function in _FUNCTIONS if hasattr(module, function)]
    if not has:
        raise InputError(f"a format has at least one of the functions {', '.join(_FUNCTIONS)}")
    check_shape(module, ("DESCRIPTION",), has)
    found = _format(point.name, module)
    return replace(
        found,
        of_run=found.of_run and _guarded(found.name, found.of_run),
        of_sound=found.of_sound and _guarded(found.name, found.of_sound),
        of_gate=found.of_gate and _guarded(found.name, found.of_gate),
    )


def _guarded(name: str, write: Callable[[_Shown], str]) -> Callable[[_Shown], str]:
    """A function of another distribution that raises nothing but FormatError."""

    def written(shown: _Shown) -> str:
        try:
            text: object = write(shown)
        except (Exception, SystemExit) as error:
            raise FormatError(f"the format {name!r} cannot be written: {error!r}") from error
        if not isinstance(text, str):
            raise FormatError(f"the format {name!r} gives {type(text).__name__} and not text")
        return text

    return written
