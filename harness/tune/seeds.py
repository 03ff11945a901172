"""What another run showed of the combinations that a search may meet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.analyse.compare import compare
from harness.analyse.winner import choice, indistinguishable
from harness.embedded.checkpoints import find_checkpoint
from harness.errors import InputError, UiebenchError
from harness.record import BASELINE, STOCK
from harness.run.ablation import Options
from harness.run.sound import check_fit
from harness.run.store import read_run
from harness.run.texts import Warn
from harness.tune.findings import Places, values


@dataclass(frozen=True)
class Seeds:
    """Combinations of a run: those to measure here first, the fastest first; and what is known of the others."""

    first: tuple[str, ...] = ()
    known: Mapping[str, Places] | None = None


def seeds(directory: Path, options: Options, warn: Warn) -> Seeds:
    """Read a run of the same checkpoint on the same device.

    Its fastest, and those that it does not show to be slower, are measured here anew: its texts may be others, and its
    hours were. Of the others it is enough to know what they gave there.

    Args:
        directory: of the run.
        options: of the search.
        warn: told of a torn line.

    Raises:
        InputError: it holds no run, or one of something else.
    """
    header, records = read_run(directory, warn)
    check_fit(header, records, directory)
    for what, theirs, ours in (
        ("timed against", header.partner, STOCK),
        ("of the checkpoint", _resolved(header.checkpoint), _resolved(options.checkpoint)),
        ("made on the device", header.device, options.device),
    ):
        if theirs != ours:
            raise InputError(f"the run {str(directory)!r} was {what} {theirs!r}, and this search is {what} {ours!r}")
    rows, _ = compare(header, records)
    sound = {row.combination: row for row in rows if row.sound and row.latency}
    of = {name: one for name, one in choice(rows).items() if name in sound}
    if not of:
        raise InputError(f"the run {str(directory)!r} measured no combination to begin with; leave --from out")
    best = min(of, key=lambda name: sum(of[name].ordinary.values) / len(of[name].ordinary.values))
    first = (best, *indistinguishable(best, list(of), of))
    others = {name: place for name, row in sound.items() if name not in first and (place := values(row)) is not None}
    return Seeds(first, {name: place for name, place in others.items() if name not in (BASELINE, STOCK)})


def _resolved(checkpoint: str) -> str:
    """Where a checkpoint is; its name where it is not there any more."""
    try:
        return str(find_checkpoint(checkpoint).resolve())
    except UiebenchError:
        return checkpoint
