"""Suite x registry -> the jobs of a run, in order, each runnable or with why not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import Any

from harness.errors import SuiteError, unknown
from harness.plan.combination import Chosen, conflict, parse, write
from harness.plan.designs import find_design, subsets
from harness.plan.peers import NO_PYTHON, peer_file
from harness.plan.suite import Combinations, Suite
from harness.plugin import Optimization
from harness.record import BASELINE, STOCK, Cell, is_peer, stock_is_exact

Registry = Mapping[str, Optimization[Any]]


@dataclass(frozen=True)
class Planned:
    """One combination with its cells, one a scenario.

    ``reason`` says why it cannot run here; ``fault`` why it is broken, wherever it runs.
    """

    combination: str
    exact: bool
    cells: tuple[Cell, ...]
    reason: str | None = None
    fault: str | None = None
    confirming: bool = False  # its next round is made because it had looked best


def plan_cells(suite: Suite, registry: Registry, device: str) -> list[Planned]:
    """Every combination of the suite: baseline and stock first, then the design's, then those named in `include`.

    A peer cannot run as planned: which interpreter has it is not for a suite to say.

    Raises:
        SuiteError: an optimization or a peer is not there, or a combination named in the suite conflicts with itself.
    """
    rows: dict[str, list[Chosen]] = {BASELINE: [], STOCK: []}
    for chosen in _design(suite.combinations, registry):
        rows.setdefault(write(chosen), chosen)
    for written in suite.combinations.include:
        if is_peer(written):
            peer_file(written)
            rows[written] = []
            continue
        chosen = parse(written, registry)
        if clash := conflict(chosen):
            raise SuiteError(f"combination {written!r}: {clash}; take one of them out")
        rows.setdefault(written if written == STOCK else write(chosen), chosen)
    dataset = "+".join(suite.texts.datasets)
    only = suite.measure.only
    for scenario, patterns in only.items():
        if idle := [pattern for pattern in patterns if not any(fnmatch(name, pattern) for name in rows)]:
            raise SuiteError(f"[measure.only] {scenario}: {unknown('combination', idle[0], rows)}")
    promised = {name: _promised(chosen) for name, chosen in rows.items()}
    planned = [
        Planned(
            combination=name,
            # What computes as the reference does is as exact as that: on CUDA that is half precision.
            exact=promised[name][0] and (stock_is_exact(device) or not (name == STOCK or is_peer(name))),
            cells=tuple(
                Cell(name, scenario, dataset, device, clients)
                for scenario in suite.measure.scenarios
                for clients in suite.measure.clients_of(scenario)
                if any(fnmatch(name, pattern) for pattern in only.get(scenario, ["*"]))
            ),
            reason=NO_PYTHON if is_peer(name) else conflict(chosen) or _missing(chosen),
            fault=promised[name][1],
        )
        for name, chosen in rows.items()
    ]
    return [one for one in planned if one.cells]


def _promised(chosen: Sequence[Chosen]) -> tuple[bool, str | None]:
    """Whether a combination promises the baseline's answers, and what of a plugin broke when it was asked."""
    try:
        return all(one.promises(parameters) for one, parameters in chosen), None
    except SuiteError as error:
        return False, str(error)


def _design(wanted: Combinations, registry: Registry) -> Iterator[list[Chosen]]:
    each = [parse(written, registry) for written in wanted.optimizations]
    designs = [wanted.design] if isinstance(wanted.design, str) else wanted.design
    if wanted.fraction and "fraction" not in designs:
        raise SuiteError('[combinations] fraction is for design = "fraction"; take it out, or choose that design')
    for design in designs:
        for subset in subsets(find_design(design), wanted):
            yield _together([each[place] for place in subset])


def _together(parts: Sequence[list[Chosen]]) -> list[Chosen]:
    """Several combinations as one, in stage order."""
    return sorted((pair for part in parts for pair in part), key=lambda pair: (pair[0].stage, pair[0].name))


def _missing(chosen: Sequence[Chosen]) -> str | None:
    return next(filter(None, (one.missing for one, _ in chosen)), None)
