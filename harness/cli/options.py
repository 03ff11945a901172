"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

RunDirectory: TypeAlias = Annotated[Path, typer.Argument(help="A run's directory, runs/ID.")]
Checkpoint: TypeAlias = Annotated[str, typer.Option(help="mini, base, or a ModelScope directory.")]
Device: TypeAlias = Annotated[str, typer.Option(help="cpu, cuda or cuda:N.")]
Threads: TypeAlias = Annotated[int, typer.Option(min=1, help="CPU threads of each process.")]
Plugins: TypeAlias = Annotated[
    list[Path] | None, typer.Option("--plugin", help="A Python file with optimizations; repeatable.")
]
Runs: TypeAlias = Annotated[Path, typer.Option(help="Directory for runs.")]
Seed: TypeAlias = Annotated[int, typer.Option(help="Seed of the random order of combinations.")]
Schema: TypeAlias = Annotated[str | None, typer.Option(help="For a file without a schema: JSON, or a JSON file.")]
FileFormat: TypeAlias = Annotated[str | None, typer.Option("--format", help="Format of the file; default: guessed.")]
