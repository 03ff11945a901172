"""`uiebench train`: trains the embedded checkpoint `mini` again."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.out import beneath

_LOGGED_EVERY = 10  # blocks, where there is no terminal for a bar
_MOST_SEED = 2**32 - 1  # torch takes 64 bits, and a block's own seed is some 20 bits longer
_MOST_THREADS = 1024  # more than any machine has cores; torch ends the process where so many cannot be started


def train(
    directory: Annotated[Path, typer.Argument(help="Directory of the checkpoint; continues a training in it.")],
    seed: Annotated[int, typer.Option(min=0, max=_MOST_SEED, help="Seed of the weights and texts.")] = 0,
    blocks: Annotated[int | None, typer.Option(min=1, help="How long to train; a block is 512 texts.")] = None,
    threads: Annotated[int, typer.Option(min=1, max=_MOST_THREADS, help="CPU threads; the weights depend on it.")] = 1,
) -> None:
    """Train the checkpoint `mini`, from the training texts of a checkout."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    from harness.training.loop import Recipe
    from harness.training.mini import make

    recipe = Recipe(seed=seed, threads=threads)
    recipe = recipe if blocks is None else replace(recipe, blocks=blocks)
    shown = sys.stderr.isatty()
    columns = (TextColumn("{task.fields[said]}"), BarColumn(), MofNCompleteColumn())
    times = (TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, *times, console=Console(file=beneath(sys.stderr)), disable=not shown) as bar:
        task = bar.add_task("train", total=recipe.blocks, said="")

        def on_block(done: int, loss: float) -> None:
            said = "" if math.isnan(loss) else f"loss {loss:.3f}"  # before the first block there is none
            bar.update(task, completed=done, said=said)
            if not shown and done % _LOGGED_EVERY == 0:
                blocks_done = f"{done} of {recipe.blocks} blocks"
                print(f"{blocks_done}, {said}" if said else blocks_done, file=sys.stderr, flush=True)

        make(directory, recipe, on_block)
    print(f"Checkpoint: {directory}")
    print(f"Try it: uiebench evaluate --checkpoint {directory} --data business/dev")
