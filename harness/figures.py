"""The table of figures that limits are on: a suite's targets, `recommend`, a gate's rules and reports share it.

How each is read from what was measured stands in `harness.analyse.figures`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from harness.record import Scenario
from harness.units import NS_PER_S, format_bytes, format_ms, parse_bytes, parse_duration

FigureName: TypeAlias = Literal["p50", "p95", "p99", "vram", "rss", "cold_start", "qps"]
# What a combination can be the best in. `time` is the ratio to stock, `memory` what it takes on the device, or on the
# host where there is none.
Objective: TypeAlias = Literal["time", "p95", "memory", "qps", "offline", "cold_start"]


@dataclass(frozen=True)
class Unit:
    """How figures of a kind are written."""

    parse: Callable[[str], float]  # what a person writes, as nanoseconds, bytes or requests a second
    show: Callable[[float], str]


TIME = Unit(lambda written: parse_duration(written) * NS_PER_S, format_ms)
BYTES = Unit(parse_bytes, format_bytes)
RATE = Unit(float, lambda per_second: f"{per_second:.3g} requests/s")


@dataclass(frozen=True)
class Kind:
    """One figure."""

    name: FigureName
    label: str
    unit: Unit
    better: Literal["less", "more"] = "less"  # a limit is on the other side: at most, or at least
    scenario: Scenario = "single_stream"  # in which it is measured
    share: float | None = None  # of a percentile
    on_device: bool = False  # a run on a CPU has none

    @property
    def limit(self) -> str:
        """The name of a limit on it: of a target, and of an option."""
        return f"{'max' if self.better == 'less' else 'min'}_{self.name}"


_TABLE = (
    Kind("p50", "P50", TIME, share=0.5),
    Kind("p95", "P95", TIME, share=0.95),
    Kind("p99", "P99", TIME, share=0.99),
    Kind("vram", "memory on a device", BYTES, on_device=True),
    Kind("rss", "host memory", BYTES),
    Kind("cold_start", "cold start", TIME, scenario="cold_start"),
    Kind("qps", "QPS", RATE, better="more", scenario="closed_loop"),
)
KINDS: Mapping[FigureName, Kind] = {kind.name: kind for kind in _TABLE}
LIMITS: Mapping[str, Kind] = {kind.limit: kind for kind in _TABLE}
assert set(KINDS) == set(get_args(FigureName))
