"""Reads a run's directory for commands that show it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli import warn

if TYPE_CHECKING:
    from harness.analyse.view import View


def read_view(directory: Path, *, no_texts: bool = False) -> View:
    """Read and analyse a run. Damaged records are reported on stderr.

    Raises:
        InputError: the directory holds no run that this version can read.
    """
    from harness.analyse.view import view
    from harness.errors import InputError
    from harness.record import STOCK
    from harness.report.private import without_texts
    from harness.run.sound import check_fit
    from harness.run.store import read_finished, read_run

    header, records = read_run(directory, warn)
    check_fit(header, records, directory)
    if header.partner != STOCK:
        raise InputError(
            f"{str(directory)!r} was timed against {header.partner}, not against stock, by a gate; what that "
            f"found is in {str(directory / 'gate.md')!r}"
        )
    return view(header, without_texts(records) if no_texts else records, read_finished(directory))
