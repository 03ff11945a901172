"""The main table's columns, whatever it is rendered to."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

from harness.analyse.f1 import ScoreDifference
from harness.analyse.percentiles import FEWEST_SAMPLES, P50, P95
from harness.analyse.rates import counted
from harness.analyse.rows import Latency, Row, Throughput
from harness.analyse.stats import NOISE, Estimate
from harness.members import members
from harness.profile import PARTS, Traffic
from harness.record import BASELINE, STOCK, Scenario
from harness.report.one_line import one_line
from harness.scenarios import rate_of
from harness.units import format_bytes, format_ms, format_seconds

NOTHING = "–"
TOO_FEW = "n too small"
TOTAL = "total time / stock"


@dataclass(frozen=True)
class Field:
    """The text of one field; a struck one is a speed that counts for nothing."""

    text: str
    struck: bool = False


def fields(row: Row, rows: Sequence[Row]) -> dict[str, Field]:
    """One row's fields by column; of several rows, all have the same columns."""
    latency = row.latency
    found = {"combination": Field(row.combination)}
    if any(one.latency for one in rows):
        found |= {name: Field(show(latency) if latency else NOTHING, row.struck_out) for name, show in _SPEED.items()}
    for (scenario, clients), name in loads(rows).items():
        load = row.load(scenario, clients)
        found[name] = Field(_rate(load), row.struck_out and load is not None)
    memory = {**_MEMORY, **(_DEVICE_MEMORY if _on_device(rows) else {})}
    if any(one.memory for one in rows):
        found |= {
            name: Field(_bytes(getattr(row.memory, part) if row.memory else None)) for name, part in memory.items()
        }
    if any(load.cuda_allocated_peak_bytes for one in rows for load in one.loads):
        found["VRAM in use, loads"] = Field(_bytes(_most_under_load(row)))
    targets = {"targets": Field(_targets(row))} if any(one.targets for one in rows) else {}
    return found | {name: Field(show(row)) for name, show in _REST.items()} | targets


def details(row: Row) -> dict[str, Field]:
    """What the main table has no room for, by column."""
    latency = row.latency
    found = {"combination": Field(row.combination)}
    found |= {name: Field(show(latency) if latency else NOTHING, row.struck_out) for name, show in _DETAILS.items()}
    return found | {name: Field(show(row)) for name, show in _START_UP.items()}


def parts(row: Row) -> dict[str, Field]:
    """What each part of a request takes, and its share, then its traffic with a device: means over texts.

    Empty where nothing was recorded.
    """
    if row.profile is None:
        return {}
    means = {part.replace("_", " "): fmean(row.profile.parts_ns[part]) for part in PARTS}
    whole = sum(means.values())
    found = {name: Field(f"{format_ms(ns)} ({ns / whole:.0%})", row.struck_out) for name, ns in means.items()}
    if traffic := row.profile.traffic:
        for name in Traffic.__struct_fields__:
            found[name.replace("_", " ")] = Field(f"{fmean(getattr(one, name) for one in traffic):,.1f}")
    return found


def loads(rows: Sequence[Row]) -> dict[tuple[Scenario, int], str]:
    """The loads that any row was measured under, and their columns."""
    found = {(load.scenario, load.clients) for row in rows for load in row.loads}
    return {(scenario, clients): rate_of(scenario).column(clients) for scenario, clients in sorted(found)}


def ratio(value: Estimate) -> str:
    """A ratio with its interval, of two decimals, of three where it is under 0.1."""
    decimals = 2 if value.value >= 0.1 else 3
    return f"{value.value:.{decimals}f} [{value.low:.{decimals}f}, {value.high:.{decimals}f}]"


def folded(name: str, longest: int) -> str:
    """A combination on lines of at most `longest` characters, broken after a plus."""
    lines = [""]
    for part in members(name):
        if lines[-1] and len(lines[-1]) + len(part) > longest:
            lines.append("")
        lines[-1] += f"{part}+"
    return "\n".join(lines)[:-1]


def summary(rows: Sequence[Row]) -> list[str]:
    """A sentence per row: what it brings."""
    return [one_line(f"{row.combination}: {_brings(row)}{_in_half(row)}.") for row in rows]


def _brings(row: Row) -> str:
    if not row.measured:
        return row.problem or "not measured"
    if row.struck_out:
        return f"{why_struck(row)}: its speed does not count"
    rest = f"; {row.problem}" if row.problem else ""
    if row.latency is None:
        first = "what the others are compared with; " if row.combination == BASELINE else ""
        answers = f"answers: {_answers(row)}" if row.texts else "its answers were not compared"
        return f"{first}{', '.join(rates_and_starts(row))}; {answers}{rest}"
    if row.combination == BASELINE:
        return f"what the others are compared with; takes {ratio(row.latency.to_stock)} times as long as stock{rest}"
    parts = [
        f"{_verdict(found)} than {than} ({ratio(found)} of its time)"
        for than, found in (("the baseline", row.latency.to_baseline), ("stock", row.latency.to_stock))
        if found is not None
    ]
    lost = f", {f1_verdict(row.f1_difference)}" if row.f1_difference else ""
    return f"{', '.join(parts)}; answers: {_answers(row)}{lost}{rest}"


def _in_half(row: Row) -> str:
    """Of a stock that is not exact: why, and on how many texts that shows."""
    if row.combination != STOCK or row.exact or not row.texts:
        return ""
    differing = [one.id for one in (*row.broken, *row.ties)]
    named = f" ({', '.join(differing)})" if differing else ""
    where = f"{len(differing)} of {row.texts} texts{named}"
    return f"; it runs in half precision on CUDA, as the reference does: on {where} its answers differ from fp32's"


def why_struck(row: Row) -> str:
    """Why its speed does not count."""
    if row.f1_difference and not row.exact:
        return f"its answers are {f1_verdict(row.f1_difference)}"
    named = ", ".join(one.id for one in row.broken)
    return f"gives other answers than the baseline on {len(row.broken)} of {row.texts} texts ({named})"


def rates_and_starts(row: Row) -> Iterator[str]:
    """What it answers under each load, and how it comes up."""
    for load in row.loads:
        how = rate_of(load.scenario).how(load.clients)
        yield f"{load.per_second:.3g} texts/s {how} ({ratio(load.to_stock)} of stock's rate)"
    if row.starts:
        yield f"a cold start of {cold_start(row)}"


def _verdict(found: Estimate) -> str:
    """To be followed by "than"."""
    said = {
        "no difference": f"within {NOISE:.0%}, neither faster nor slower",
        "inconclusive": "too uncertain to call faster or slower",
    }
    return said.get(found.verdict, found.verdict)


def _answers(row: Row) -> str:
    if not row.texts:
        return NOTHING
    ties = f", {len(row.ties)} of them ties" if row.ties else ""
    same = f"{row.texts - len(row.broken)} of {row.texts} same"
    if row.unlike_stock is None or row.combination == STOCK:
        return f"{same}{ties}"
    return f"{same} as fp32's{ties}; {row.texts - len(row.unlike_stock)} as stock's"


def _targets(row: Row) -> str:
    """Which are kept: all, or each of the others by name."""
    others = [f"{held.name} {held.kept}" for held in row.targets if held.kept != "met"]
    return ", ".join(others) if others else "met"


def _on_device(rows: Sequence[Row]) -> bool:
    return any(row.memory and row.memory.cuda_serving_peak_bytes is not None for row in rows)


def _most_under_load(row: Row) -> int | None:
    """Of the GPU, in use by tensors."""
    return max((peak for load in row.loads if (peak := load.cuda_allocated_peak_bytes)), default=None)


def _rate(load: Throughput | None) -> str:
    return NOTHING if load is None else f"{load.per_second:.3g}, {load.to_stock.value:.2f} x stock"


def _under_load(row: Row, of: Callable[[Throughput], float | None], show: Callable[[float], str]) -> str:
    """A figure of the closed loop with the most clients."""
    load = row.load("closed_loop")
    found = None if load is None else of(load)
    return NOTHING if found is None else show(found)


def _percentile(share: float, *, interval: bool = False) -> Callable[[Latency], str]:
    def show(latency: Latency) -> str:
        found = latency.percentiles[share]
        if found is None:
            return TOO_FEW
        if not interval or found.low is None or found.high is None:
            return format_ms(found.value)
        return f"{format_ms(found.value)} [{format_ms(found.low)}, {format_ms(found.high)}]"

    return show


def _to_baseline(latency: Latency) -> str:
    return ratio(latency.to_baseline) if latency.to_baseline else NOTHING


def _f1_difference(found: ScoreDifference | None) -> str:
    return NOTHING if found is None else f"{found.value:+.3f} [{found.low:+.3f}, {found.high:+.3f}]"


def f1_verdict(found: ScoreDifference) -> str:
    """Whether what may change answers loses more F1 than its margin, and the smallest margin that the data can show."""
    said = {
        "not worse": f"not worse by more than {found.margin:g} points of F1",
        "worse": f"worse by more than {found.margin:g} points of F1",
        "not shown": f"not shown to be within {found.margin:g} points of F1",
    }
    few = f"; {found.texts} texts cannot show {found.margin:g}, that takes {found.fewest_texts}"
    smallest = f"the smallest margin that the data show: {_up(found.smallest_margin)}"
    return f"{said[found.verdict]} ({smallest}{few if found.too_few_texts and found.verdict == 'not shown' else ''})"


def _up(points: float) -> str:
    """Rounded up to a tenth: a margin that is rounded down would not be shown."""
    return f"{math.ceil(points * 10 - 1e-9) / 10:.1f}"


def _scientific(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.0e}"


def _bytes(value: int | None) -> str:
    return NOTHING if value is None else format_bytes(value)


def cold_start(row: Row) -> str:
    """The mean over the starts of a row."""
    if not row.starts:
        return NOTHING
    return format_seconds(sum(start.total_ns for start in row.starts) / len(row.starts) / 1e9)


def _part(name: str) -> Callable[[Row], str]:
    """The mean of a part of the starts; a CPU's have no context."""

    def show(row: Row) -> str:
        found = [ns / 1e9 for start in row.starts if (ns := getattr(start, name)) is not None]
        return format_seconds(sum(found) / len(found)) if found else NOTHING

    return show


_SPEED: dict[str, Callable[[Latency], str]] = {
    "mean": lambda latency: format_ms(latency.mean_ns),
    "P50": _percentile(P50),
    "P95": _percentile(P95),
    "time / stock": lambda latency: ratio(latency.to_stock),
    TOTAL: lambda latency: ratio(latency.total_to_stock),
    "time / baseline": _to_baseline,
}
_DETAILS: dict[str, Callable[[Latency], str]] = {
    "requests": lambda latency: f"{latency.requests} of {latency.texts} texts",
    **{f"P{share * 100:.0f}": _percentile(share, interval=True) for share in FEWEST_SAMPLES},
    "CPU": lambda latency: f"{latency.cpu_share:.0%}",
}
_START_UP: dict[str, Callable[[Row], str]] = {
    "starts": lambda row: str(len(row.starts)) if row.starts else NOTHING,
    "imports": _part("imports_ns"),
    "context": _part("context_ns"),
    "weights": _part("weights_ns"),
    "first call": _part("first_call_ns"),
    "very first start": lambda row: format_seconds(row.preparing.total_ns / 1e9) if row.preparing else NOTHING,
    "weights in memory": lambda row: _bytes(row.memory.weights_bytes if row.memory else None),
    "energy a request": lambda row: NOTHING if row.energy_j is None else f"{row.energy_j:.3g} J",
    "GFLOP a request": lambda row: f"{row.roofline.request.flops / 1e9:.3g}" if row.roofline else NOTHING,
    "useful work": lambda row: f"{row.roofline.useful:.0%}" if row.roofline else NOTHING,
    "of the roofline": lambda row: f"{row.roofline.of_limit:.0%} ({row.roofline.bound})" if row.roofline else NOTHING,
    "answered together": lambda row: _under_load(row, lambda load: load.mean_batch, "{:.2f} requests".format),
    "longest wait": lambda row: _under_load(row, lambda load: load.longest_wait_ns, format_ms),
    "largest logit difference": lambda row: _scientific(row.largest_logit_difference),
    "answers that differ": lambda row: counted(len(row.broken), row.texts) if row.texts else NOTHING,
    "F1 of agreement": lambda row: f"{row.agreement.f1:.3f}" if row.agreement else NOTHING,
    "F1 less the baseline's": lambda row: _f1_difference(row.f1_difference),
    "F1 margin": lambda row: f1_verdict(row.f1_difference) if row.f1_difference else NOTHING,
}
_MEMORY = {"RSS load": "rss_load_peak_bytes", "RSS serving": "rss_serving_peak_bytes"}
_DEVICE_MEMORY = {
    "VRAM load": "cuda_load_peak_bytes",
    "VRAM serving": "cuda_serving_peak_bytes",
    "VRAM in use": "cuda_serving_allocated_peak_bytes",
    "VRAM process": "cuda_process_bytes",
    "VRAM device": "cuda_device_bytes",
}
_REST: dict[str, Callable[[Row], str]] = {
    "cold start": cold_start,
    "F1": lambda row: f"{row.scores.micro.f1:.3f}" if row.scores else NOTHING,
    "answers": _answers,
}
