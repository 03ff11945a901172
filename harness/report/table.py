"""The columns of the main table and of the details, for every output format."""

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
from harness.plan.short_forms import ShortForms, short_forms
from harness.profile import PARTS, Traffic
from harness.record import BASELINE, STOCK, Scenario
from harness.report.one_line import one_line
from harness.scenarios import rate_of
from harness.units import format_bytes, format_ms, format_seconds

NOTHING = "–"
TOO_FEW = "n too small"
TOTAL = "total time / stock"
_FIRST = "the extractor that all combinations start from"


@dataclass(frozen=True)
class Field:
    """The text of one field. A struck one is a speed that does not count."""

    text: str
    struck: bool = False


def fields(row: Row, rows: Sequence[Row]) -> dict[str, Field]:
    """The fields of one row, by column. All rows of a run have the same columns."""
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
    """The fields that do not fit into the main table, by column."""
    latency = row.latency
    found = {"combination": Field(row.combination)}
    found |= {name: Field(show(latency) if latency else NOTHING, row.struck_out) for name, show in _DETAILS.items()}
    return found | {name: Field(show(row)) for name, show in _START_UP.items()}


def parts(row: Row) -> dict[str, Field]:
    """The time and share of each part of a request, then its traffic with a device: means over texts.

    Empty if nothing was recorded.
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
    """The column of each load that was measured for any row."""
    found = {(load.scenario, load.clients) for row in rows for load in row.loads}
    return {(scenario, clients): rate_of(scenario).column(clients) for scenario, clients in sorted(found)}


def ratio(value: Estimate) -> str:
    """A ratio with its interval: two decimals, or three if it is below 0.1."""
    decimals = 2 if value.value >= 0.1 else 3
    return f"{value.value:.{decimals}f} [{value.low:.{decimals}f}, {value.high:.{decimals}f}]"


def folded(name: str, longest: int) -> str:
    """A combination on lines of at most `longest` characters, broken only after a plus."""
    lines = [""]
    for part in members(name):
        if lines[-1] and len(lines[-1]) + len(part) > longest:
            lines.append("")
        lines[-1] += f"{part}+"
    return "\n".join(lines)[:-1]


def forms_of(rows: Sequence[Row]) -> ShortForms:
    """How text names the combinations of a run."""
    return short_forms(row.combination for row in rows)


def summary(rows: Sequence[Row]) -> list[str]:
    """One sentence for each row: how fast it is, and whether its answers are right."""
    forms = forms_of(rows)
    return [one_line(f"{forms.short(row.combination)}: {says(row)}") for row in rows]


def says(row: Row) -> str:
    """The sentence of a row, without its name."""
    return one_line(f"{_brings(row)}{_in_half(row)}.")


def _brings(row: Row) -> str:
    if not row.measured:
        return row.problem or "not measured"
    if row.struck_out:
        return f"{why_struck(row)}, so its speed does not count"
    rest = f"; {row.problem}" if row.problem else ""
    if row.latency is None:
        first = f"{_FIRST}; " if row.combination == BASELINE else ""
        answers = f"answers: {_answers(row)}" if row.texts else "its answers were not compared"
        return f"{first}{', '.join(rates_and_starts(row))}; {answers}{rest}"
    if row.combination == BASELINE:
        return f"{_FIRST}; it takes {ratio(row.latency.to_stock)} times as long as stock{rest}"
    parts = [
        f"{_verdict(found).format(than)} ({ratio(found)} of its time)"
        for than, found in (("the baseline", row.latency.to_baseline), ("stock", row.latency.to_stock))
        if found is not None
    ]
    lost = f"; {f1_verdict(row.f1_difference)}" if row.f1_difference else ""
    return f"{', '.join(parts)}; answers: {_answers(row)}{lost}{rest}"


def _in_half(row: Row) -> str:
    """Why stock is not exact, and on how many texts this shows; empty for everything else."""
    if row.combination != STOCK or row.exact or not row.texts:
        return ""
    differing = [one.id for one in (*row.broken, *row.ties)]
    named = f" ({', '.join(differing)})" if differing else ""
    where = f"{len(differing)} of {row.texts} texts{named}"
    return f"; on CUDA it runs in half precision, as the reference does, and its answers differ from fp32's on {where}"


def why_struck(row: Row) -> str:
    """Why its speed does not count."""
    if row.f1_difference and not row.exact:
        return f"its {f1_verdict(row.f1_difference)}"
    named = ", ".join(one.id for one in row.broken)
    return f"gives other answers than the baseline on {len(row.broken)} of {row.texts} texts ({named})"


def rates_and_starts(row: Row) -> Iterator[str]:
    """Its rate under each load, and its cold start."""
    for load in row.loads:
        how = rate_of(load.scenario).how(load.clients)
        yield f"{load.per_second:.3g} texts/s {how} ({ratio(load.to_stock)} times stock's rate)"
    if row.starts:
        yield f"a cold start of {cold_start(row)}"


def _verdict(found: Estimate) -> str:
    """The verdict, with a place for what the combination is compared with."""
    said = {
        "no difference": f"as fast as {{}} within {NOISE:.0%}",
        "inconclusive": "not shown to be faster or slower than {}",
    }
    return said.get(found.verdict, f"{found.verdict} than {{}}")


def _answers(row: Row) -> str:
    if not row.texts:
        return NOTHING
    ties = f" ({len(row.ties)} tie{'' if len(row.ties) == 1 else 's'})" if row.ties else ""
    same = f"{row.texts - len(row.broken)} of {row.texts} same"
    if row.unlike_stock is None or row.combination == STOCK:
        return f"{same}{ties}"
    return f"{same} as fp32's{ties}; {row.texts - len(row.unlike_stock)} as stock's"


def _targets(row: Row) -> str:
    """``met`` if all are, else each of the others by name."""
    others = [f"{held.name} {held.kept}" for held in row.targets if held.kept != "met"]
    return ", ".join(others) if others else "met"


def _on_device(rows: Sequence[Row]) -> bool:
    return any(row.memory and row.memory.cuda_serving_peak_bytes is not None for row in rows)


def _most_under_load(row: Row) -> int | None:
    """The most GPU memory that tensors used under any load, in bytes."""
    return max((peak for load in row.loads if (peak := load.cuda_allocated_peak_bytes)), default=None)


def _rate(load: Throughput | None) -> str:
    return NOTHING if load is None else f"{load.per_second:.3g}, {load.to_stock.value:.2f} x stock"


def _under_load(row: Row, of: Callable[[Throughput], float | None], show: Callable[[float], str]) -> str:
    """One figure of the closed loop with the most clients."""
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
    """Whether F1 is lower than the baseline's by more than the margin, and the most by which the data let it be lower.

    For a combination that may change answers.
    """
    said = {
        "not worse": f"F1 is at most {found.margin:g} points lower",
        "worse": f"F1 is more than {found.margin:g} points lower",
        "not shown": f"F1 is not shown to be at most {found.margin:g} points lower",
    }
    few = f"; {found.texts} texts are too few to show {found.margin:g}, {found.fewest_texts} are needed"
    bound = f"at most {_up(found.smallest_margin)} by the data"
    return f"{said[found.verdict]} ({bound}{few if found.too_few_texts and found.verdict == 'not shown' else ''})"


def _up(points: float) -> str:
    """Rounded up to a tenth, because the data do not show a margin that is rounded down."""
    return f"{math.ceil(points * 10 - 1e-9) / 10:.1f}"


def _scientific(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.0e}"


def _bytes(value: int | None) -> str:
    return NOTHING if value is None else format_bytes(value)


def cold_start(row: Row) -> str:
    """The mean time of a row's cold starts."""
    if not row.starts:
        return NOTHING
    return format_seconds(sum(start.total_ns for start in row.starts) / len(row.starts) / 1e9)


def _part(name: str) -> Callable[[Row], str]:
    """The mean time of one part of the starts. A CPU has no context."""

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
    "energy per request": lambda row: NOTHING if row.energy_j is None else f"{row.energy_j:.3g} J",
    "GFLOP per request": lambda row: f"{row.roofline.request.flops / 1e9:.3g}" if row.roofline else NOTHING,
    "useful work": lambda row: f"{row.roofline.useful:.0%}" if row.roofline else NOTHING,
    "of the roofline": lambda row: f"{row.roofline.of_limit:.0%} ({row.roofline.bound})" if row.roofline else NOTHING,
    "answered together": lambda row: _under_load(row, lambda load: load.mean_batch, "{:.2f} requests".format),
    "longest wait": lambda row: _under_load(row, lambda load: load.longest_wait_ns, format_ms),
    "largest logit difference": lambda row: _scientific(row.largest_logit_difference),
    "answers that differ": lambda row: counted(len(row.broken), row.texts) if row.texts else NOTHING,
    "F1 of agreement": lambda row: f"{row.agreement.f1:.3f}" if row.agreement else NOTHING,
    "F1 minus the baseline's": lambda row: _f1_difference(row.f1_difference),
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
