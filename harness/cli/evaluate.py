"""`uiebench evaluate`: F1 of a checkpoint on a dataset with gold spans."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli import warn
from harness.cli.options import Checkpoint, Device, FileFormat, Schema
from harness.cli.schema import read_schema
from harness.errors import InputError
from harness.report.one_line import one_line

if TYPE_CHECKING:
    from harness.data.dataset import Example
    from harness.record import Chains, Score, Scores

_SHOWN = 300  # characters of a text in the list of errors


def evaluate(
    data: Annotated[str, typer.Option(help="NAME, NAME/SPLIT, or a file with gold spans, of any format.")] = "business",
    format_name: FileFormat = None,
    schema: Schema = None,
    checkpoint: Checkpoint = "mini",
    device: Device = "cpu",
    errors: Annotated[bool, typer.Option("--errors", help="Also list missed and wrong chains.")] = False,
) -> None:
    """Extract every text of a dataset and score the answers against its gold spans."""
    from rich.console import Console
    from rich.progress import track

    from harness import Extractor
    from harness.cli.out import beneath
    from harness.data.texts import read_texts
    from harness.embedded.checkpoints import find_checkpoint
    from harness.measure.f1 import score

    asked = None if schema is None else read_schema(schema)
    examples = list(read_texts(data, warn, format_name=format_name, schema=asked))
    extractor = Extractor.load(find_checkpoint(checkpoint), device=device)
    progress = track(examples, "evaluate", console=Console(file=beneath(sys.stderr)), disable=not sys.stderr.isatty())
    answers = [extractor.extract(example.text, example.schema) for example in progress]
    scores = score(answers, [example.gold for example in examples])
    if scores is None:
        raise InputError(f"{data} has no gold spans to score against")
    _print_table(scores, f"{checkpoint} on {data}, {scores.texts} texts with gold")
    if errors:
        for example, answer in zip(examples, answers, strict=True):
            _print_errors(example, answer)


def _print_table(scores: Scores, title: str) -> None:
    from rich import box
    from rich.table import Table

    from harness.cli.out import show

    table = Table(title=title, box=box.SIMPLE)
    table.add_column("type")
    for name in ("precision", "recall", "F1", "right", "found", "gold"):
        table.add_column(name, justify="right")
    for name, one in scores.by_type.items():
        table.add_row(name, *_fields(one))
    table.add_section()
    table.add_row("micro", *_fields(scores.micro))
    show(table)


def _fields(one: Score) -> list[str]:
    ratios = [f"{value:.3f}" for value in (one.precision, one.recall, one.f1)]
    return [*ratios, *(str(value) for value in (one.right, one.found, one.gold))]


def _print_errors(example: Example, answer: Chains) -> None:
    from harness.measure.f1 import keys

    text = example.text
    ours, theirs = keys(answer), keys(example.gold or [])
    if example.gold is None or ours == theirs:
        return
    shown = one_line(f"{example.id}: {text if len(text) <= _SHOWN else text[:_SHOWN] + '…'}")
    print(f"\n{shown}")
    for mark, chains in (("missed", theirs - ours), ("wrong ", ours - theirs)):
        for types, offsets in sorted(chains, key=lambda chain: chain[1]):
            spans = (f"{kind}: {text[start:end]}" for kind, (start, end) in zip(types, offsets, strict=True))
            print(f"  {mark}  {one_line(' → '.join(spans))}")
