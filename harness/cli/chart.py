"""`uiebench chart`: one chart of a run alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.options import RunDirectory
from harness.cli.viewing import read_view
from harness.errors import InputError


def chart(
    run: RunDirectory,
    kind: Annotated[str, typer.Option(help="Which chart; see `uiebench list`.")],
    form: Annotated[str | None, typer.Option("--format", help="svg, png or pdf; default: as the file name.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File to write; default: KIND.FORMAT.")] = None,
) -> None:
    """Draw one chart of a run."""
    from harness.report.charts import FORMATS, draw, find_kind, save

    found = find_kind(kind)
    suffix = form or (output.suffix.removeprefix(".") if output else "") or FORMATS[0]
    if suffix not in FORMATS:
        raise InputError(f"a chart cannot be written as {suffix!r}; the formats are {', '.join(FORMATS)}")
    figure = draw(found, read_view(run))
    if figure is None:
        raise InputError(f"the run has nothing for the chart {kind!r}, which needs {found.needs}")
    file = output or Path(f"{kind}.{suffix}")
    try:
        save(figure, file, suffix, kind)
    except OSError as error:
        raise InputError(f"cannot write {str(file)!r}: {error.strerror}; name another file with --output") from None
    print(f"Chart: {file}")
