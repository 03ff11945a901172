"""A run as pytest-benchmark stores one, for `pytest-benchmark compare`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC
from statistics import fmean, median, quantiles, stdev
from typing import Any

from harness.neutral import for_json
from harness.record import ColdStart, Header, Measured, Record, Samples, SingleStream, ordinary
from harness.report.formats import Run
from harness.scenarios import kind_of, rate_of
from harness.units import NS_PER_S

DESCRIPTION = "times of requests, for `pytest-benchmark compare`"
_VERSION = "5.3.1"  # the version of pytest-benchmark with this format


def of_sound(run: Run) -> str:
    """The text of the file: one benchmark for each combination. Its rounds are the requests, in seconds.

    Each load and the cold start are separate benchmarks. The rounds of a load are its passes, in seconds per text, so
    that the operations per second are the rate. The rounds of a cold start are the starts.
    """
    benchmarks = [_benchmark(name, run.header, seconds) for name, seconds in _timed(run.records).items()]
    made = run.made.astimezone(UTC)
    data = {
        "machine_info": _machine(run.header.environment),
        "commit_info": {"id": "unknown", "time": made.isoformat(), "dirty": False, "branch": "(unknown)"},
        "benchmarks": benchmarks,
        "datetime": made.isoformat(),
        "version": _VERSION,
    }
    return for_json(json.dumps(data, indent=4, ensure_ascii=False)) + "\n"


def _timed(records: Sequence[Record]) -> dict[str, list[float]]:
    """All timed values in seconds, by the name of the benchmark."""
    found: dict[str, list[float]] = {}
    for record in ordinary(records):
        if isinstance(record, Measured):
            for name, times in _named(record.samples):
                found.setdefault(f"{record.cell.combination}{name}", []).extend(ns / NS_PER_S for ns in times)
    return {name: seconds for name, seconds in found.items() if seconds}


def _named(samples: Samples) -> Iterator[tuple[str, list[float]]]:
    """Timed values in nanoseconds, each with the suffix of the combination's name."""
    if isinstance(samples, SingleStream):
        yield "", [ns for passed in samples.own_ns for ns in passed]
    elif isinstance(samples, ColdStart):
        yield f"[{kind_of(samples).name}]", [start.total_ns for start in samples.own]
    else:
        name = rate_of(kind_of(samples).name).name(samples.clients)
        yield f"[{name}]", [load.wall_ns / samples.parity.texts for load in samples.own if samples.parity.texts]


def _machine(environment: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "node": "",
        "processor": environment.get("processor", ""),
        "machine": "",
        "python_version": environment.get("python", ""),
        "system": environment.get("platform", ""),
        "release": "",
        "cpu": {"brand_raw": environment.get("processor", ""), "count": environment.get("cores", 0)},
    }


def _benchmark(name: str, header: Header, seconds: Sequence[float]) -> dict[str, Any]:
    return {
        "group": header.suite,
        "name": name,
        "fullname": f"uiebench/{header.suite}::{name}",
        "params": None,
        "param": None,
        "extra_info": {"checkpoint": header.checkpoint, "device": header.device},
        "options": {
            "disable_gc": False,
            "timer": "perf_counter",
            "min_rounds": len(seconds),
            "max_time": sum(seconds),
            "min_time": 0.0,
            "warmup": True,
        },
        "stats": _stats(sorted(seconds)),
    }


def _stats(seconds: Sequence[float]) -> dict[str, Any]:
    several = len(seconds) > 1
    q1, _, q3 = quantiles(seconds, n=4, method="inclusive") if several else (seconds[0],) * 3
    iqr, sd, mean = q3 - q1, stdev(seconds) if several else 0.0, fmean(seconds)
    inside = [one for one in seconds if q1 - 1.5 * iqr <= one <= q3 + 1.5 * iqr]
    outliers = len(seconds) - len(inside)
    far = sum(abs(one - mean) > sd for one in seconds)
    return {
        "min": seconds[0],
        "max": seconds[-1],
        "mean": mean,
        "stddev": sd,
        "rounds": len(seconds),
        "median": median(seconds),
        "iqr": iqr,
        "q1": q1,
        "q3": q3,
        "iqr_outliers": outliers,
        "stddev_outliers": far,
        "outliers": f"{far};{outliers}",
        "ld15iqr": inside[0],
        "hd15iqr": inside[-1],
        "ops": 1 / mean,
        "total": sum(seconds),
        "iterations": 1,
    }
