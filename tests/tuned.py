"""A made-up machine to search on: optimizations that do nothing, and an executor that knows what each would take."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from harness.measure.f1 import score
from harness.plan.cells import Planned
from harness.plan.combination import parse
from harness.plan.registry import find_optimizations
from harness.record import (
    STOCK,
    Cell,
    Chains,
    ColdStart,
    Difference,
    Failed,
    Measured,
    Memory,
    Parity,
    Record,
    SingleStream,
    Skipped,
    StartUp,
)
from harness.run.ablation import Options
from harness.run.executors.local import Settings
from harness.run.executors.recorded import Reference
from harness.tune.plan import Prepared, Wanted, prepare
from harness.tune.tune import Found, tune

MIB = 1 << 20
NS = 1_000_000_000
PLUGIN = """
from harness.plugin import Evidence, Stage, optimization

def shown(probe):
    return Evidence("quick", True, "it is there")

@optimization(Stage.INPUT, exact=True, evidence=shown)
def quick(extractor, *, tokens: int = 64):
    "Faster, most at 128 tokens."
    return extractor

@optimization(Stage.BATCH, exact=True, evidence=shown)
def small(extractor, *, share: float = 0.5):
    "Takes less memory, and longer."
    return extractor

@optimization(Stage.GRAPH, exact=True, evidence=shown, conflicts=["engine_b"])
def engine_a(extractor, *, fused: bool = False):
    "Faster."
    return extractor

@optimization(
    Stage.GRAPH,
    exact=lambda parameters: parameters.get("precision", "float32") == "float32",
    evidence=shown,
    tunable={"precision": ["float32", "int8"]},
)
def engine_b(extractor, *, precision: str = "float32", workers: int = 2):
    "Faster still, and bigger."
    return extractor

@optimization(Stage.WEIGHTS, exact=False, evidence=shown)
def rounding(extractor):
    "Changes answers."
    return extractor

@optimization(Stage.WEIGHTS, exact=True, evidence=shown)
def liar(extractor):
    "The fastest, with another answer."
    return extractor

@optimization(Stage.WEIGHTS, exact=True, evidence=shown)
def elsewhere(extractor):
    "Not on this machine."
    return extractor

@optimization(Stage.WEIGHTS, exact=True, evidence=shown, requires=["no-such-distribution-anywhere"])
def absent(extractor):
    "Not installed."
    return extractor
"""
SOUND = ("quick", "small", "engine_a", "engine_b")


def truth(combination: str, registry: Mapping[str, Any]) -> tuple[float, float, float]:
    """Its time as a share of stock's, its memory in MiB and its cold start in seconds."""
    time, memory, start = 1.0, 300.0, 2.0
    for one, arguments in [] if combination == STOCK else parse(combination, registry):
        match one.name:
            case "quick":
                time *= {16: 0.95, 32: 0.9, 64: 0.8, 128: 0.7, 256: 0.75}[arguments.get("tokens", 64)]
            case "small":
                time, memory = time * 1.2, memory - 100
            case "engine_a":
                time *= 0.8 if arguments.get("fused") else 0.9
            case "engine_b":
                time, memory, start = time * 0.6, memory + 200, start + 3
            case "liar" | "rounding":
                time *= 0.5
    return time, memory, start


@dataclass
class Machine:
    """Makes rounds of what is true, with noise; the search's clock goes on with each of them."""

    registry: Mapping[str, Any]
    searched: frozenset[str] = frozenset()  # the texts of the search, by id
    sd: float = 0.01
    on_other_texts: float = 1.0  # times as long, of all but stock
    bigger_on_other_texts: tuple[str, ...] = ()  # by 200 MiB
    differs_on_other_texts: tuple[str, ...] = ()
    round_s: float = 10.0
    now: float = 0.0
    dies_at: int | None = None  # the round that Ctrl-C ends
    made: list[tuple[str, int, bool]] = field(default_factory=list)  # combination, round, whether of the search
    random: random.Random = field(default_factory=lambda: random.Random(1))

    def clock(self) -> float:
        return self.now

    def executor(self, settings: Settings) -> Executor:
        return Executor(self, settings)


@dataclass
class Executor:
    machine: Machine
    settings: Settings

    def reference(self) -> tuple[Reference, dict[str, Any]]:
        return Reference(self._answers("baseline"), [[] for _ in self.settings.examples]), {}

    def _answers(self, name: str) -> list[Chains]:
        """What is to be found; less of it where answers may change."""
        gold = [one.gold or [] for one in self.settings.examples]
        return [[], *gold[1:]] if "rounding" in name else gold

    def round(self, planned: Planned, number: int, reference: Reference) -> list[Record]:
        machine, name = self.machine, planned.combination
        if machine.dies_at == len(machine.made):
            raise KeyboardInterrupt
        timed = self.settings.examples[: self.settings.timed]
        of_search = {one.id for one in timed} <= machine.searched
        machine.made.append((name, number, of_search))
        machine.now += machine.round_s
        parts = name.partition("(")[0].split("+")
        if "elsewhere" in name:
            return [Skipped(cell, number, "elsewhere: it needs a quantum computer") for cell in planned.cells]
        if "crash" in parts:
            return [Failed(cell, number, "crash", "it died") for cell in planned.cells]
        return [self._measured(cell, number, of_search) for cell in planned.cells]

    def _measured(self, cell: Cell, number: int, of_search: bool) -> Record:
        machine, name = self.machine, cell.combination
        time, memory, start = truth(name, machine.registry)
        if cell.scenario == "cold_start":
            began = StartUp(imports_ns=1, weights_ns=1, first_call_ns=round(start * NS))
            return Measured(cell, number, ColdStart([began]))
        memory += 200.0 * (name in machine.bigger_on_other_texts and not of_search)
        factor = time * (machine.on_other_texts if name != STOCK and not of_search else 1.0)
        noise = machine.random.gauss(1.0, machine.sd)
        texts = self.settings.timed
        differs = "liar" in name or (name in machine.differs_on_other_texts and not of_search)
        differences = [Difference(self.settings.examples[0].id, tie=False, expected=[], got=[])] if differs else []
        stream = SingleStream(
            own_ns=[[round(1e8 * factor * noise)] * texts],
            partner_ns=[[round(1e8)] * texts],
            own_cpu_ns=[1],
            parity=Parity(texts, differences),
            memory=Memory(1, rss_serving_peak_bytes=round(memory * MIB)),
            scores=score(self._answers(name), [one.gold for one in self.settings.examples]),
        )
        return Measured(cell, number, stream)


@dataclass(frozen=True)
class Bench:
    """A directory with a suite and a plugin to search."""

    here: Path
    golden: Path
    machine: Machine

    def prepared(
        self,
        *optimizations: str,
        trials: int | None = 12,
        budget_s: float | None = None,
        warn: Callable[[str], None] = pytest.fail,
        measure: str = "rounds = 4\nconfirm = 4\npasses = 1\n",
        texts: str = 'datasets = ["business/test"]\ncount = 8\n',
        device: str = "cpu",
        fresh: bool = False,
        limits: Mapping[str, float] | None = None,
        **wanted: Any,
    ) -> Prepared:
        names = ", ".join(f'"{name}"' for name in optimizations or SOUND)
        suite = self.here / "mine.toml"
        suite.write_text(f"[combinations]\noptimizations = [{names}]\n[texts]\n{texts}[measure]\n{measure}")
        options = Options(
            str(suite),
            checkpoint=str(self.golden),
            device=device,
            plugins=(self.here / "plugin.py",),
            directory=self.here / "runs",
            budget_s=budget_s,
            fresh=fresh,
        )
        found = prepare(options, Wanted(limits or {}, trials=trials, **wanted), warn)
        self.machine.searched = frozenset(one.id for one in found.ablation.examples)
        return found

    def search(self, *optimizations: str, **more: Any) -> Found:
        return self.tune(self.prepared(*optimizations, **more))

    def tune(self, prepared: Prepared) -> Found:
        machine = self.machine
        return tune(prepared, lambda _, __: None, executor_of=machine.executor, clock=machine.clock, warn=pytest.fail)


def bench(here: Path, golden: Path) -> Bench:
    (here / "plugin.py").write_text(PLUGIN, encoding="utf-8")
    return Bench(here, golden, Machine(find_optimizations([here / "plugin.py"])))
