"""The rules of a gate, in TOML."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec

from harness.errors import InputError, unknown
from harness.figures import BYTES, KINDS, TIME, FigureName
from harness.plan.suite import LOOKS
from harness.record import Scenario
from harness.scenarios import KINDS as SCENARIOS
from harness.tomlfile import check_keys, read_toml

Unit = Literal["percent", "bytes", "time", "number"]
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%", re.ASCII)
_MOST_SHARE = 1000  # an increase to a thousand times as much is not a limit

# Which of an entry's values a limit on how far times may move is about.
Timed: TypeAlias = Literal["time", "total", "texts", "p95", "qps", "starts_ns"]


@dataclass(frozen=True)
class Metric:
    """A metric of rules: its possible limits, each with its possible units."""

    limits: dict[str, tuple[Unit, ...]]
    moved: Timed | None = None
    figure: FigureName | None = None  # that a limit on the value itself is on
    scenarios: tuple[Scenario, ...] = ("single_stream",)  # any of which measures it
    needs_limit: bool = True
    most: float = sys.float_info.max  # the largest value that is still a limit


_ANSWERING = tuple(name for name, kind in SCENARIOS.items() if kind.in_passes)
METRICS = {
    "latency_ratio": Metric({"max_increase": ("percent",)}, "time"),
    "total_time_ratio": Metric({"max_increase": ("percent",)}, "total"),
    "text_time_ratio": Metric({"max_increase": ("percent",)}, "texts"),
    "p95_ratio": Metric({"max_increase": ("percent",)}, "p95"),
    "p95": Metric({"max": ("time",)}, figure="p95"),
    "qps": Metric({"max_decrease": ("percent",), "min": ("number",)}, "qps", "qps", ("closed_loop",)),
    "cold_start": Metric({"max_increase": ("percent",), "max": ("time",)}, "starts_ns", "cold_start", ("cold_start",)),
    "peak_rss_bytes": Metric({"max_increase": ("percent", "bytes"), "max": ("bytes",)}, figure="rss"),
    "peak_vram_bytes": Metric({"max_increase": ("percent", "bytes"), "max": ("bytes",)}, figure="vram"),
    "f1_drop": Metric({"max": ("number",)}, most=100),
    "parity": Metric({}, scenarios=_ANSWERING, needs_limit=False),
}
TIMED: Mapping[str, Timed] = {name: metric.moved for name, metric in METRICS.items() if metric.moved is not None}


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One rule. It has one limit, or none for parity."""

    metric: str
    cell: str = "*"  # combinations, by pattern
    max_increase: str | None = None
    max_decrease: str | None = None
    max: str | float | None = None
    min: float | None = None
    severity: Literal["fail", "warn"] = "fail"

    @property
    def limit(self) -> tuple[str, str | float] | None:
        """The key and the value of the limit, as written."""
        for key in ("max_increase", "max_decrease", "max", "min"):
            if (written := getattr(self, key)) is not None:
                return key, written
        return None

    @property
    def timed(self) -> bool:
        """Whether more rounds give a more precise result."""
        metric = METRICS[self.metric]
        return metric.moved is not None or (metric.figure is not None and KINDS[metric.figure].unit is TIME)

    @property
    def relative(self) -> bool:
        """Whether its limit is on the change of a value, and not on the value itself."""
        return self.limit is not None and self.limit[0].startswith("max_")

    @property
    def name(self) -> str:
        """The rule in words."""
        said = f" {self.limit[0].replace('_', ' ')} {self.limit[1]}" if self.limit else ""
        return f"{self.metric}{said}"

    def share(self) -> float | None:
        """The limit as a share, like 0.05, if it is written as a percentage."""
        found = self.limit
        match = _PERCENT.fullmatch(found[1].strip()) if found and isinstance(found[1], str) else None
        return float(match[1]) / 100 if match else None

    def amount(self) -> float:
        """The limit in nanoseconds, bytes, points or requests per second."""
        assert self.limit is not None
        key, written = self.limit
        if isinstance(written, int | float):
            return float(written)
        unit = BYTES if "bytes" in METRICS[self.metric].limits[key] else TIME
        return unit.parse(written)


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of rules, with what is measured for them."""

    rule: list[Rule]
    suite: str = "gate"  # its name, or a file beside this one
    checkpoint: str = "mini"
    device: str = "cpu"
    plugins: list[str] = []  # files with optimizations, beside this one
    rounds: int = 16  # at most, for each combination with a rule about time


def read_rules(path: Path) -> Rules:
    """Read and check a file of rules.

    Raises:
        InputError: the file is missing or not TOML, or a rule is not valid.
    """
    try:
        data = read_toml(path)
    except OSError as error:
        raise InputError(
            f"rules {str(path)!r} cannot be read: {error.strerror}; `uiebench gate init` writes a file of rules"
        ) from None
    rules = data.get("rule", [])
    if not isinstance(rules, list):
        raise InputError(f"{path}: a rule is a table: [[rule]]")
    if not rules:
        raise InputError(f"{path} has no [[rule]]")
    for place, rule in enumerate(rules, 1):
        _check(rule, f"{path}, rule {place}")
    try:
        found = msgspec.convert(data, Rules)
    except msgspec.ValidationError as error:
        raise InputError(f"{path}: {error}") from None
    if found.rounds not in (allowed := [*range(1, LOOKS[0]), *LOOKS]):
        said = ", ".join(map(str, allowed))
        raise InputError(
            f"{path}: rounds = {found.rounds}, but a gate cannot stop after that many; write one of {said}"
        )
    for place, one in enumerate(found.rule, 1):
        _check_limit(one, f"{path}, rule {place}")
    return found


def _check(rule: Any, where: str) -> None:
    if not isinstance(rule, dict):
        raise InputError(f"{where}: a rule is a table: [[rule]]")
    check_keys(rule, Rule, where)
    if (metric := str(rule.get("metric", ""))) not in METRICS:
        raise InputError(f"{where}: {unknown('metric', metric, METRICS)}")


def _check_limit(rule: Rule, where: str) -> None:
    metric = METRICS[rule.metric]
    given = [key for key in ("max_increase", "max_decrease", "max", "min") if getattr(rule, key) is not None]
    allowed = " or ".join(f"{key} ({' or '.join(units)})" for key, units in metric.limits.items()) or "no limit"
    if len(given) != int(metric.needs_limit) or not set(given) <= set(metric.limits):
        raise InputError(f"{where}: {rule.metric} takes {allowed}, but has {', '.join(given) or 'none'}")
    if not given:
        return
    (key,) = given
    written, units = getattr(rule, key), metric.limits[key]
    if (share := rule.share()) is not None:
        right = "percent" in units and share < (1 if key == "max_decrease" else _MOST_SHARE)
    else:
        try:
            right = ("number" in units) == isinstance(written, int | float)
            right &= 0 <= rule.amount() <= metric.most
            right &= units != ("percent",)
        except InputError:
            right = False
    if not right:
        examples = {"percent": '"5%"', "bytes": '"64MiB"', "time": '"800ms"', "number": "0.5"}
        raise InputError(
            f"{where}: {key} = {written!r} is not {' or '.join(units)}; write it like "
            f"{' or '.join(examples[unit] for unit in units)}"
        )
