"""The effects of each optimization on time, memory and cold start, from the records of a run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.analyse.effects import Effects, effects
from harness.analyse.rows import Row
from harness.analyse.stats import MEMORY_PRIOR, RATE_PRIOR, TIME_PRIOR, UNKNOWN, Prior, log_ratio, spreads
from harness.errors import InputError
from harness.members import members
from harness.record import BASELINE, STOCK, ClosedLoop, ColdStart, Measured, Record, SingleStream, ordinary

TIME, RATE, MEMORY = "time", "QPS", "memory while serving"
# The memory whose effects are estimated: the first of these that any combination has, the same for all combinations.
_PARTS = ("cuda_serving_allocated_peak_bytes", "cuda_serving_peak_bytes", "rss_serving_peak_bytes")


@dataclass(frozen=True)
class Attribution:
    """The effects that can be estimated from a run's combinations, by quantity."""

    effects: dict[str, Effects]
    left_out: tuple[str, ...]  # combinations that were not measured, or whose speed does not count
    refusal: str | None  # why the effects cannot be estimated


def attribute(records: Sequence[Record], rows: Sequence[Row], assumed_sd: float = 0.0) -> Attribution | None:
    """The effects of the optimizations of the widest combination.

    None if no combination has two of them, or if single requests were not timed.

    Args:
        records: of the run.
        rows: of the run.
        assumed_sd: the least sd between rounds that is assumed before any rounds are seen.
    """
    names = {row.combination: parts(row.combination) for row in rows if row.combination != STOCK}
    factors = max(names.values(), key=len, default=frozenset())
    if len(factors) < 2:
        return None
    sound = {row.combination for row in rows if row.latency and not row.struck_out}
    cells = {name: chosen for name, chosen in names.items() if chosen <= factors}
    values = {
        quantity: {cells[name]: found for name, found in by_name.items() if name in cells and name in sound}
        for quantity, by_name in _values(records).items()
    }
    if TIME not in values:
        return None
    priors = {
        TIME: TIME_PRIOR.at_least(assumed_sd),
        RATE: RATE_PRIOR.at_least(assumed_sd),
        MEMORY: MEMORY_PRIOR,
    }
    left_out = tuple(name for name in cells if name not in sound)
    try:
        return Attribution(
            {name: found for name, of in values.items() if (found := _effects(name, of, priors.get(name, UNKNOWN)))},
            left_out,
            None,
        )
    except InputError as error:
        return Attribution({}, left_out, str(error))


def _effects(quantity: str, cells: Mapping[frozenset[str], Sequence[float]], prior: Prior) -> Effects | None:
    """The effects on one quantity; None if too few rounds or combinations measured it. For times that is an error.

    Raises:
        InputError: the combinations with known times do not suffice to estimate effects.
    """
    found = spreads({"+".join(sorted(cell)): values for cell, values in cells.items()}, prior)
    if not prior.degrees and not found.degrees:
        return None
    by_cell = dict(zip(cells, found.cells.values(), strict=True))
    if quantity == TIME:
        return effects(cells, by_cell)
    try:
        return effects(cells, by_cell)
    except InputError:
        return None


def _values(records: Sequence[Record]) -> dict[str, dict[str, list[float]]]:
    """The logarithms of each quantity, by combination: one for each round, or for each cold start."""
    found: dict[str, dict[str, list[float]]] = {
        TIME: {},
        MEMORY: {},
        "cold start": {},
        RATE: {},
    }
    time, memory, starts, rates = found.values()
    every = [record for record in ordinary(records) if isinstance(record, Measured)]
    measured = [record.samples for record in every]
    most = max((one.clients for one in measured if isinstance(one, ClosedLoop)), default=1)
    ledgers = [one.memory for one in measured if isinstance(one, SingleStream) and one.memory]
    part = next((part for part in _PARTS if any(getattr(ledger, part) for ledger in ledgers)), _PARTS[-1])
    for record in every:
        name, samples = record.cell.combination, record.samples
        if isinstance(samples, SingleStream):
            time.setdefault(name, []).append(log_ratio(samples.own_ns, samples.partner_ns))
            if samples.memory and (peak := getattr(samples.memory, part)):
                memory.setdefault(name, []).append(math.log(peak))
        elif isinstance(samples, ColdStart) and samples.own:
            starts.setdefault(name, []).extend(math.log(start.total_ns) for start in samples.own)
        elif isinstance(samples, ClosedLoop) and samples.clients == most:
            walls = [[[load.wall_ns] for load in loads] for loads in (samples.partner, samples.own)]
            rates.setdefault(name, []).append(log_ratio(*walls))
    return {quantity: by_name for quantity, by_name in found.items() if by_name}


def parts(combination: str) -> frozenset[str]:
    """The optimizations of a combination, as it writes them."""
    return frozenset() if combination == BASELINE else frozenset(members(combination))
