"""`uiebench evaluate`: F1 of a checkpoint on a dataset with gold spans."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from harness.errors import InputError


def evaluate(
    data: Annotated[str, typer.Option(help="NAME, NAME/SPLIT or a .jsonl file with gold spans.")] = "business",
    checkpoint: Annotated[str, typer.Option(help="mini, base, or a ModelScope directory.")] = "mini",
    device: Annotated[str, typer.Option(help="cpu, cuda or cuda:N.")] = "cpu",
    errors: Annotated[bool, typer.Option("--errors", help="Also list what was missed and what is wrong.")] = False,
) -> None:
    """Extract every text of a dataset and score the answers against its gold spans."""
    from rich.console import Console
    from rich.progress import track

    from harness import Extractor
    from harness.data.dataset import read_dataset
    from harness.measure.f1 import score

    examples = list(read_dataset(data))
    unlabelled = [example.id for example in examples if example.gold is None]
    if unlabelled or not examples:
        raise InputError(f"{data} has no gold spans" + (f" for {len(unlabelled)} texts ({unlabelled[0]}, …)" if unlabelled else ""))
    extractor = Extractor.load(find_checkpoint(checkpoint), device=device)
    progress = track(examples, "evaluate", console=Console(file=sys.stderr), disable=not sys.stderr.isatty())
    answers = [extractor.extract(example.text, example.schema) for example in progress]
    gold = [example.gold or [] for example in examples]
