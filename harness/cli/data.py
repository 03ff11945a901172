"""`uiebench data`: texts of one's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from harness.cli import FAILED
from harness.cli.schema import read_schema
from harness.errors import InputError

data = typer.Typer(help="Texts of one's own.", no_args_is_help=True, rich_markup_mode=None)

_SHOWN = 20  # problems; the rest is counted


@data.callback()
def _group() -> None:
    """Texts of one's own."""


@data.command()
def check(
    file: Annotated[Path, typer.Argument(help="A file, or a folder of brat's.")],
    format_name: Annotated[str | None, typer.Option("--format", help="Guessed from the content if not given.")] = None,
    schema: Annotated[str | None, typer.Option(help="For a file that has none: JSON, or a file that holds it.")] = None,
    fix: Annotated[Path | None, typer.Option(help="Write what is sound as native JSONL.")] = None,
    convert: Annotated[tuple[str, Path] | None, typer.Option(help="FORMAT FILE: write what is sound so.")] = None,
) -> None:
    """Count a file's texts and labels, name what is wrong with them, and write what is sound.

    Exits with 1 where anything is wrong.
    """
    from harness.data.check import check as look

    shown = 0

    def problem(line: int, said: str) -> None:
        nonlocal shown
        shown += 1
        if shown <= _SHOWN:
            print(f"line {line}: {said}")

    asked = None if schema is None else read_schema(schema)
    found = look(file, problem, format_name, asked)
    if shown > _SHOWN:
        print(f"and {shown - _SHOWN} more")
    print(f"{file}: {found.format}, {len(found.lengths)} texts, {found.labelled} of them labelled")
    if found.lengths:
        shares = (0.5, 0.9, 0.99, 1)
        at = zip(shares, found.lengths_at(*shares), strict=True)
        lengths = ", ".join(f"P{share * 100:.0f} {length}" for share, length in at)
        print(f"characters: {lengths}")
        print(f"schema: {json.dumps(found.schema, ensure_ascii=False)}")
    for path, count in found.types.most_common():
        print(f"  {path}: {count}")
    print(f"{found.problems} problems")
    if fix is not None:
        _write(file, format_name, asked, "native", fix)
    if convert is not None:
        _write(file, format_name, asked, *convert)
    if found.problems:
        raise typer.Exit(FAILED)


def _write(file: Path, format_name: str | None, schema: object, name: str, target: Path) -> None:
    from harness.data.files import read_file
    from harness.data.formats.document import Document
    from harness.data.formats.find import WritableFormat, format_of

    into = format_of(file, name)
    if not isinstance(into, WritableFormat):
        raise InputError(f"the format {name!r} cannot be written, only read")
    left_out = 0

    def count(_: int, __: str) -> None:
        nonlocal left_out
        left_out += 1

    examples = read_file(file, lambda _, __: None, format_name, schema)
    documents = (Document(one.id, one.text, one.gold, line, dict(one.schema)) for line, one in enumerate(examples, 1))
    into.write(documents, target, count)
    print(f"written: {target} ({name}); {left_out} labels or texts that it cannot hold were left out")
