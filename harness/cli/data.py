"""`uiebench data`: check and convert the user's own texts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli import FAILED
from harness.cli.faults import Faults
from harness.cli.options import FileFormat, Schema
from harness.cli.schema import read_schema
from harness.errors import InputError
from harness.report.one_line import one_line

if TYPE_CHECKING:
    from harness.data.check import Contents
    from harness.data.formats.find import WritableFormat

data = typer.Typer(help="Check and convert your own texts.", no_args_is_help=True, rich_markup_mode=None)


@data.callback()
def _group() -> None:
    """Check and convert your own texts."""


@data.command()
def check(
    file: Annotated[Path, typer.Argument(help="A file, or a folder in brat format.")],
    format_name: FileFormat = None,
    schema: Schema = None,
    fix: Annotated[Path | None, typer.Option(help="Write the valid part as native JSONL.")] = None,
    convert: Annotated[tuple[str, Path] | None, typer.Option(help="FORMAT FILE: write the valid part.")] = None,
) -> None:
    """Count the texts and labels of a file, report errors, and write the valid part.

    Exits with 1 if there is an error.
    """
    from harness.data.check import check as look

    targets = [*([] if fix is None else [("native", fix)]), *([] if convert is None else [convert])]
    formats = [_writable(file, name, target) for name, target in targets]
    asked, problems = None if schema is None else read_schema(schema), _Named("line")
    try:
        found = look(file, problems, format_name, asked)
    finally:
        problems.say_the_rest()
    bare = f", {found.without_label} of these without a label" if found.without_label else ""
    print(f"{file}: {found.format}, {len(found.lengths)} texts, {found.annotated} annotated{bare}")
    if found.lengths:
        shares = (0.5, 0.9, 0.99, 1)
        at = zip(shares, found.lengths_at(*shares), strict=True)
        lengths = ", ".join(f"P{share * 100:.0f} {length}" for share, length in at)
        print(f"characters: {lengths}")
        print(f"schema: {json.dumps(found.schema, ensure_ascii=False)}")
    for path, count in found.types.most_common():
        print(f"  {one_line(path)}: {count}")
    print(f"{found.problems} problems")
    for into, (_, target) in zip(formats, targets, strict=True):
        _write(file, format_name, asked, into, target, found)
    if found.problems:
        raise typer.Exit(FAILED)


def _writable(file: Path, name: str, target: Path) -> WritableFormat:
    """Find the format to write.

    Raises:
        InputError: the format cannot be written, or the input file would be overwritten.
    """
    from harness.data.formats.find import WritableFormat, format_of

    into = format_of(file, name)
    if not isinstance(into, WritableFormat):
        raise InputError(f"the format {name!r} cannot be written, only read")
    if target.exists() and file.exists() and target.samefile(file):
        raise InputError(f"{target} is the file that is read; write to another one")
    return into


def _write(
    file: Path, format_name: str | None, schema: object, into: WritableFormat, target: Path, found: Contents
) -> None:
    from harness.data.files import read_file
    from harness.data.formats.document import Document

    left_out = _Named("text")
    examples = read_file(file, lambda _, __: None, format_name, schema)
    documents = (Document(one.id, one.text, one.gold, line, dict(one.schema)) for line, one in enumerate(examples, 1))
    into.write(documents, target, left_out)
    left_out.say_the_rest()
    held = f"; left out because {into.NAME} cannot hold them: {left_out.count}" if left_out.count else ""
    faulty = f"; with errors, left out or corrected as named: {found.problems}" if found.problems else ""
    print(f"written: {target} ({into.NAME}), {len(found.lengths)} valid texts{faulty}{held}")


class _Named(Faults):
    """Prints the first problems, each with its place, and counts all of them."""

    def __init__(self, place: str) -> None:
        super().__init__(print)
        self._place = place

    def __call__(self, number: int, said: str) -> None:
        from harness.data.formats.told import Remark

        if isinstance(said, Remark):
            print(f"note: {self._place} {number}: {one_line(said)}")
        else:
            self.tell(f"{self._place} {number}: {one_line(said)}")
