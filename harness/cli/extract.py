"""`uiebench extract`: spans from one text, or from a file of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec.structs import replace

from harness.cli import USAGE
from harness.cli.schema import read_schema
from harness.errors import InputError
from harness.neutral import for_json

if TYPE_CHECKING:
    from harness.baseline.extractor import Extractor


def extract(
    text: Annotated[str | None, typer.Argument(help="The text; or use --input.")] = None,
    schema: Annotated[str | None, typer.Option(help="The schema: JSON, or a JSON file.")] = None,
    input: Annotated[  # noqa: A002
        Path | None, typer.Option(help='JSONL: lines {"id", "text", "schema"}; or a file of another format.')
    ] = None,
    format_name: Annotated[
        str | None, typer.Option("--format", help="Format of the input; default: JSONL for .json(l), else guessed.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help='JSONL: lines {"id", "output"}; default: stdout.')] = None,
    checkpoint: Annotated[str | None, typer.Option(help="mini (the default), base, or a ModelScope directory.")] = None,
    device: Annotated[str | None, typer.Option(help="cpu (the default), cuda or cuda:N.")] = None,
    with_: Annotated[str | None, typer.Option("--with", help="A combination, or a file from `recommend`.")] = None,
    all_prefixes: Annotated[bool, typer.Option("--all-prefixes", help="Also chains that end above a leaf.")] = False,
) -> None:
    """Extract the spans that a schema asks for."""
    if (text is None) == (input is None):
        raise InputError("give either a TEXT or --input FILE.jsonl")
    if input is None and format_name is not None:
        raise InputError("--format goes with --input; a TEXT has none")
    if text is not None:
        if schema is None:
            raise InputError("""a TEXT needs a --schema, like --schema '{"产品名称": null}'""")
        if output is not None:
            raise InputError("--output goes with --input; a TEXT's answer goes to stdout")
        from harness.baseline.schema import check_schema, check_text

        checked, asked = check_text(text), check_schema(read_schema(schema))
        answer = _load(checkpoint, device, with_).extract(checked, asked, all_prefixes)
        print(for_json(json.dumps(answer, ensure_ascii=False)))
        return
    if input is None or not input.exists():
        raise InputError(f"input file {str(input)!r} does not exist")
    from harness.cli.lines import Input, extract_lines

    source = Input(input, format_name, None if schema is None else read_schema(schema))
    if extract_lines(lambda: _load(checkpoint, device, with_), source, output, all_prefixes=all_prefixes):
        raise typer.Exit(USAGE)


def _load(checkpoint: str | None, device: str | None, combination: str | None) -> Extractor:
    """Load the extractor. Options on the command line override the combination's file."""
    from harness import Extractor
    from harness.deploy import deploy, find_deployment
    from harness.embedded.checkpoints import find_checkpoint

    if combination is None:
        return Extractor.load(find_checkpoint(checkpoint or "mini"), device=device or "cpu")
    chosen = find_deployment(combination)
    asked = {name: value for name, value in (("checkpoint", checkpoint), ("device", device)) if value is not None}
    return deploy(replace(chosen, **asked))
