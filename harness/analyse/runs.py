"""Two or more runs side by side: two commits, two devices, two models."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.analyse.between import between
from harness.analyse.compare import ratios
from harness.analyse.rows import Row
from harness.analyse.stats import ALPHA, Estimate, Prior, Verdict, divided, judged_together
from harness.analyse.view import View
from harness.processor import NOT_RECORDED, kind
from harness.record import Header, Record

# Parts of the environment that differ between any two runs.
_VOLATILE = ("load_average", "timer.", "worker.ceilings", "worker.gpu_uuid")


@dataclass(frozen=True)
class Side:
    """A combination in one of the runs."""

    row: Row | None  # None if the run does not have it
    to_first: Estimate | None  # its ratio to stock divided by the first run's; None in the first, or if one is missing
    judged: bool = True  # whether both runs have the same texts and checkpoint

    @property
    def verdict(self) -> Verdict | None:
        """On the ratio to the first run; None if it is missing, does not count, or the runs have other differences."""
        return self.to_first.verdict if self.to_first and self.judged and not self.struck_out else None

    @property
    def struck_out(self) -> bool:
        """Whether its speed does not count."""
        return self.row is not None and self.row.struck_out


@dataclass(frozen=True)
class Runs:
    """A comparison of runs, combination by combination."""

    names: tuple[str, ...]  # of the runs, in order
    sides: dict[str, tuple[Side, ...]]  # by combination: one for each run
    differing: dict[str, tuple[str, ...]]  # by key of header and environment: the value of each run
    apart: tuple[tuple[str, ...], ...]  # for each run: what differs from the first, texts or checkpoint
    kinds: tuple[str, ...]  # of device, one for each run
    between: Prior  # of ratios between repeated runs

    @property
    def alike(self) -> bool:
        """Whether all runs have one kind of device, so that times can be compared."""
        return len(set(self.kinds)) == 1

    @property
    def unsure(self) -> bool:
        """Whether the recorded kinds are equal, but too little was recorded to be sure."""
        return self.alike and NOT_RECORDED in self.kinds[0]


def side_by_side(runs: Mapping[str, View], kept: Sequence[Sequence[Sequence[Record]]] = ()) -> Runs:
    """Compare the other runs with the first.

    A run with other texts, or another checkpoint, than the first gets no verdicts. Runs are independent, so the errors
    of both ratios add up, and so does the spread between repeated runs. The verdicts of a run's combinations are judged
    together.

    Args:
        runs: by their names.
        kept: groups of repeated runs, including the compared ones. They show how much repeated runs differ.
    """
    names, views = tuple(runs), list(runs.values())
    first, others = views[0], views[1:]
    apart_by = between([[ratios(records) for records in group] for group in kept])
    quotients = [{}, *(_quotients(first, other, apart_by) for other in others)]
    combinations = dict.fromkeys(row.combination for one in views for row in one.rows)
    rows = [{row.combination: row for row in one.rows} for one in views]
    apart = tuple(_apart(first.header, one.header) for one in views)
    told = [_told(one) for one in views]
    keys = dict.fromkeys(key for one in told for key in one)
    return Runs(
        names=names,
        sides={
            name: tuple(
                Side(of.get(name), found.get(name), judged=not other)
                for of, found, other in zip(rows, quotients, apart, strict=True)
            )
            for name in combinations
        },
        differing={key: values for key in keys if len(set(values := tuple(one.get(key, "–") for one in told))) > 1},
        apart=apart,
        kinds=tuple(" ".join(kind_of(one.header)) for one in views),
        between=apart_by,
    )


def _quotients(first: View, other: View, apart_by: Prior) -> dict[str, Estimate]:
    theirs, ours = ratios(first.records), ratios(other.records)
    alpha = ALPHA / max(first.header.looks, other.header.looks)
    return judged_together(
        {
            name: divided(rounds, other.spread.of(name), theirs[name], first.spread.of(name), alpha, between=apart_by)
            for name, rounds in ours.items()
            if name in theirs
        }
    )


def _apart(first: Header, other: Header) -> tuple[str, ...]:
    known = bool(first.text_characters and other.text_characters)
    ours, theirs = (
        sorted(zip(one.texts, one.text_characters if known else [0] * len(one.texts), strict=True))
        for one in (first, other)
    )
    same = {"texts": ours == theirs, "checkpoint": first.checkpoint == other.checkpoint}
    return tuple(name for name, kept in same.items() if not kept)


def kind_of(header: Header) -> tuple[str, str]:
    """The kind of a device: its class and its model; for a processor also its instruction sets."""
    found = header.environment
    gpu = found.get("worker", {}).get("gpu")
    return header.device.partition(":")[0], str(gpu) if gpu else processor_of(header)


def processor_of(header: Header) -> str:
    """The kind of the processor, as far as the run recorded it."""
    found = header.environment
    name, model = found.get("processor", "unknown processor"), found.get("processor_model", "")
    return kind(str(name), str(model), found.get("instruction_sets", ()))


def _told(run: View) -> dict[str, str]:
    """The description of a run and its machine, by key."""
    header = run.header
    own = {
        "command": header.command,
        "checkpoint": header.checkpoint,
        "device": header.device,
        "seed": header.seed,
        "texts": f"{len(header.texts)}: {', '.join(header.texts[:3])}{', …' if len(header.texts) > 3 else ''}",
    }
    every = flattened({**own, **header.environment})
    return {key: value for key, value in every if not key.startswith(_VOLATILE)}


def flattened(data: Mapping[str, Any], above: str = "") -> Sequence[tuple[str, str]]:
    """Nested values as text, each with its dotted path."""
    found: list[tuple[str, str]] = []
    for key, value in data.items():
        if isinstance(value, dict):
            found += flattened(value, f"{above}{key}.")
        else:
            found.append((above + key, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)))
    return found
