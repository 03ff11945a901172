"""The noise of the published runs: what made-up ones are drawn from."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from harness.analyse.stats import log_ratio
from harness.record import ClosedLoop, Header, Measured, Record, SingleStream
from harness.run.store import read_run

PUBLISHED = Path(__file__).parents[2] / "reports"
# The records' version of the runs that noise is taken from. Those of another protocol have other noise, so the two are
# not mixed.
VERSION = 4
# Between what computes as much as stock (0.7 to 1.3 times its time) and what pads to 512 tokens (4 to 7 times) lies
# nothing that was ever measured but the guide's own truncation, at 3.2 times.
PADDED = math.log(2)
Array: TypeAlias = NDArray[np.floating[Any]]
QUANTITIES = ("time", "QPS")
_OUTLYING = 2


@dataclass(frozen=True)
class Ratio:
    """The log ratio of one round of one cell, of a run whose lines are in the order of time."""

    run: str
    cell: str
    round: int
    value: float


def _time(record: Measured) -> float | None:
    samples = record.samples
    return log_ratio(samples.own_ns, samples.partner_ns) if isinstance(samples, SingleStream) else None


def _rate(record: Measured) -> float | None:
    samples = record.samples
    if not isinstance(samples, ClosedLoop):
        return None
    return log_ratio(*([[load.wall_ns] for load in side] for side in (samples.partner, samples.own)))


@cache
def runs() -> Mapping[str, tuple[Header, Sequence[Record]]]:
    """The header and the records of each published run of that version, by its name."""
    paths = sorted(path.parent for path in PUBLISHED.glob("*/*/records.jsonl.gz"))
    read = {str(path.relative_to(PUBLISHED)): read_run(path, lambda _: None) for path in paths}
    return {name: (header, records) for name, (header, records) in read.items() if header.version == VERSION}


@cache
def ratios(quantity: str) -> Sequence[Ratio]:
    """All log ratios to stock of one quantity, ``time`` or ``QPS``."""
    of: Callable[[Measured], float | None] = {"time": _time, "QPS": _rate}[quantity]
    return [
        Ratio(run, record.cell.combination, record.round, value)
        for run, (_, records) in runs().items()
        for record in records
        if isinstance(record, Measured) and (value := of(record)) is not None
    ]


def cells(quantity: str) -> dict[tuple[str, str], list[float]]:
    """The log ratios of each cell, by run and combination."""
    found: dict[tuple[str, str], list[float]] = {}
    for one in ratios(quantity):
        found.setdefault((one.run, one.cell), []).append(one.value)
    return found


@dataclass(frozen=True)
class Noise:
    """How log ratios of one quantity vary between the rounds of a run."""

    sds: tuple[float, float]  # of cells that compute as much as stock, and of padded ones
    pooled: float  # of all
    order: float  # by how much rounds of even and odd number lie off their mean, in the worst run; beyond chance
    drift: float  # from a run's begin to its end, likewise
    correlation: float  # of one round with the next in time, of whatever cell, after the effect of order is taken out
    outlying: float  # the share of rounds that lie off their cell's mean by more than two standard deviations
    between: tuple[float, float]  # sd between runs of the same, beyond what rounds explain; like sds


@cache
def noise(quantity: str) -> Noise:
    """What the published records say of one quantity."""
    by_cell = {key: values for key, values in cells(quantity).items() if len(values) > 1}
    means = {key: fmean(values) for key, values in by_cell.items()}
    sds = tuple(
        _sd([values for key, values in by_cell.items() if (abs(means[key]) > PADDED) == padded])
        for padded in (False, True)
    )
    assert len(sds) == 2
    orders, drifts, pairs, outlying, every = [], [], [], 0, 0
    for run in dict.fromkeys(key[0] for key in by_cell):
        own = [one for one in ratios(quantity) if (one.run, one.cell) in by_cell and one.run == run]
        left = np.array([one.value - means[one.run, one.cell] for one in own])
        sd = np.array([sds[abs(means[one.run, one.cell]) > PADDED] for one in own])
        sign = np.array([1 - 2 * (one.round % 2) for one in own])
        order = float(left @ sign / len(own))
        place = np.linspace(-0.5, 0.5, len(own))
        slope = float(place @ left / (place @ place))
        orders.append(_beyond(order, float(sd @ sd) / len(own) ** 2))
        drifts.append(_beyond(slope, float((place * sd) @ (place * sd)) / float(place @ place) ** 2))
        scaled = (left - order * sign) / sd
        pairs.append((float(scaled[1:] @ scaled[:-1]), float(scaled @ scaled)))
        outlying += int((np.abs(left) > _OUTLYING * sd).sum())
        every += len(own)
    return Noise(
        sds=(sds[0], sds[1]),
        pooled=_sd(list(by_cell.values())),
        order=max(orders),
        drift=max(drifts),
        correlation=max(0.0, sum(one for one, _ in pairs) / sum(other for _, other in pairs)),
        outlying=outlying / every,
        between=(_between(quantity, padded=False), _between(quantity, padded=True)),
    )


def _beyond(found: float, by_chance: float) -> float:
    """The size of an effect, less the variance that chance alone gives its estimate."""
    return math.sqrt(max(0.0, found**2 - by_chance))


def _sd(values: Sequence[Sequence[float]]) -> float:
    squares = sum(float(np.var(one, ddof=1)) * (len(one) - 1) for one in values)
    return math.sqrt(squares / sum(len(one) - 1 for one in values))


def _between(quantity: str, *, padded: bool) -> float:
    """Of the cells that several runs of one checkpoint and the same texts have."""
    found: dict[tuple[str, tuple[str, ...], str], list[Sequence[float]]] = {}
    for (run, cell), values in cells(quantity).items():
        header, _ = runs()[run]
        if (abs(fmean(values)) > PADDED) == padded:
            found.setdefault((header.checkpoint, tuple(header.texts), cell), []).append(values)
    several = [values for values in found.values() if len(values) > 1]
    within = _sd([values for of_cell in several for values in of_cell if len(values) > 1]) ** 2
    degrees = sum(len(values) - 1 for values in several)
    squares = sum(float(np.var([fmean(one) for one in of], ddof=1)) * (len(of) - 1) for of in several)
    expected = sum(within * fmean(1 / len(one) for one in of) * (len(of) - 1) for of in several)
    return math.sqrt(max(0.0, squares - expected) / degrees)
